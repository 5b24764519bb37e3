#include "worker/parked_clients.h"

#include <fcntl.h>

#include "base/shortage.h"

namespace usher {
namespace {

constexpr unsigned kMarginsKept = 3;  // workers and commands come first

}  // namespace

void ParkedClients::park(const ParkClient& client, UniqueFd fd) {
  if (clients_.size() == kMost || is_one_of_the_last(fd.get(), kMarginsKept)) return;
  clients_.insert_or_assign(client.serial, Parked{client, std::move(fd)});
}

void ParkedClients::give_to(Service& listener) const {
  for (const auto& [serial, parked] : clients_) {
    UniqueFd copy(::fcntl(parked.fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return;
    const ParkClient& client = parked.client;
    listener.send(ParkedClient{serial, client.accepted_at, client.greeted, client.listener}, std::move(copy));
  }
}

}  // namespace usher
