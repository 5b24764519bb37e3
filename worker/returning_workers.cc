#include "worker/returning_workers.h"

#include <sys/socket.h>

namespace usher {

ReturningWorkers::ReturningWorkers(EventLoop& loop, UniqueFd socket, Returned returned)
    : loop_(loop),
      returned_(std::move(returned)),
      acceptor_(loop, std::move(socket), "pool.sock", [this](UniqueFd fd) { meet(std::move(fd)); }) {}

void ReturningWorkers::meet(UniqueFd fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return;
  const Place stranger = strangers_.insert(strangers_.end(), {peer.pid, Gate(kWorkerJobReports), nullptr});
  stranger->link = std::make_unique<Link>(
      loop_, Channel(std::move(fd)), [this, stranger](Packet& packet) { hear(stranger, packet); },
      [this, stranger](const std::string&) { strangers_.erase(stranger); }, 1);
}

void ReturningWorkers::hear(Place stranger, Packet& packet) {
  stranger->gate.check(packet, JobStage::unknown);
  const auto resume = packet.as<Resume>();
  returned_(stranger->pid, resume, stranger->link->release());
  strangers_.erase(stranger);
}

}  // namespace usher
