#include "worker/pool_strangers.h"

#include <sched.h>
#include <sys/socket.h>

#include <semaphore>
#include <system_error>
#include <thread>

#include "base/log.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kSoon = 100ms;  // one thread for all that are closed within it
constexpr auto kRetry = 5s;
constexpr std::size_t kMostClosing = 256;
constexpr int kPassRights = 83;  // SO_PASSRIGHTS, since Linux 6.16

// Accepted sockets have it from the one that listens, as it was when they were connected.
bool keeps_descriptors_out(int fd) {
  int passes = 1;
  socklen_t length = sizeof passes;
  return ::getsockopt(fd, SOL_SOCKET, kPassRights, &passes, &length) == 0 && passes == 0;
}

}  // namespace

bool close_without_waiting(std::vector<UniqueFd>& fds) noexcept try {
  std::binary_semaphore has_own_table{0}, may_end{0};
  bool separated = false;
  std::thread last_holder([&] {
    separated = ::unshare(CLONE_FILES) == 0;
    has_own_table.release();
    may_end.acquire();
  });
  has_own_table.acquire();
  if (separated) fds.clear();
  may_end.release();
  last_holder.join();
  return separated;
} catch (const std::system_error&) {
  return false;
}

Strangers::Strangers(EventLoop& loop, int listening) : loop_(loop) {
  const int no = 0;
  ::setsockopt(listening, SOL_SOCKET, kPassRights, &no, sizeof no);
}

// Who ends does not wait for them either.
Strangers::~Strangers() {
  close_all();
  for (UniqueFd& fd : closing_) static_cast<void>(fd.release());
}

void Strangers::guard(Link& link) {
  if (keeps_descriptors_out(link.fd())) return;
  link.distrust([this](UniqueFd fd) { close(std::move(fd)); });
}

void Strangers::close(UniqueFd fd) {
  if (keeps_descriptors_out(fd.get())) return;
  ::shutdown(fd.get(), SHUT_RDWR);
  closing_.push_back(std::move(fd));
  if (closing_.size() % kMostClosing == 0) return close_all();
  if (!soon_.pending()) soon_ = loop_.after(kSoon, [this] { close_all(); });
}

void Strangers::close_all() {
  soon_.end();
  if (closing_.empty() || close_without_waiting(closing_)) return;
  log::error("sockets_not_closed", {{"number", closing_.size()}, {"reason", "there is no thread"}});
  soon_ = loop_.after(kRetry, [this] { close_all(); });
}

}  // namespace usher
