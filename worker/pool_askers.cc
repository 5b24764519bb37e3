#include "worker/pool_askers.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr int kAcceptsARound = 16;
constexpr auto kIntroductionTime = 5s;
constexpr auto kPause = 100ms;  // when there is no descriptor for another

std::size_t room_for_askers() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  return std::min<std::size_t>(PoolAskers::kMostAskers, limit.rlim_cur / 4);
}

}  // namespace

PoolAskers::PoolAskers(EventLoop& loop, UniqueFd socket, Callbacks callbacks)
    : loop_(loop),
      socket_(std::move(socket)),
      watch_(loop.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { accept(); })),
      strangers_(loop, socket_.get()),
      callbacks_(std::move(callbacks)),
      most_(room_for_askers()) {}

void PoolAskers::accept() {
  for (int i = 0; i < kAcceptsARound; ++i) {
    UniqueFd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd) {
      admit(std::move(fd));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      watch_.change(0);
      pause_ = loop_.after(kPause, [this] { watch_.change(EPOLLIN); });
      return;
    }
  }
}

void PoolAskers::admit(UniqueFd fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return strangers_.close(std::move(fd));
  std::size_t& of_user = of_user_[peer.uid];
  if (askers_.size() >= most_ || of_user >= kMostOfOneUser) return strangers_.close(std::move(fd));
  ++of_user;
  Asker& asker = askers_.emplace_back();
  asker.pid = peer.pid;
  asker.user = peer.uid;
  asker.link = std::make_unique<Link>(
      loop_, Channel(std::move(fd)), [this, &asker](Packet& packet) { hear(asker, packet); },
      [this, &asker](const std::string&) { dismiss(asker); }, 0);
  strangers_.guard(*asker.link);
  asker.timer = loop_.after(kIntroductionTime, [this, &asker] { dismiss(asker); });
}

void PoolAskers::hear(Asker& asker, Packet& packet) {
  asker.gate.check(packet, asker.state);
  asker.state = AskerState::asked;
  asker.timer.end();
  callbacks_.asked(asker, packet);
}

void PoolAskers::dismiss(Asker& asker) {
  callbacks_.gone(asker);
  const auto of_user = of_user_.find(asker.user);
  if (--of_user->second == 0) of_user_.erase(of_user);
  askers_.remove_if([&](const Asker& other) { return &other == &asker; });
}

}  // namespace usher
