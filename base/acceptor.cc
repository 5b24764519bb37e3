#include "base/acceptor.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <system_error>

namespace usher {
namespace {

constexpr std::chrono::milliseconds kPause{100};

}  // namespace

Acceptor::Acceptor(EventLoop& loop, UniqueFd listening, std::string name, std::function<void(UniqueFd)> accepted)
    : loop_(loop), listening_(std::move(listening)), name_(std::move(name)), accepted_(std::move(accepted)) {
  watch();
}

void Acceptor::watch() {
  watch_ = loop_.watch(listening_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

void Acceptor::accept() {
  UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (fd) return accepted_(std::move(fd));
  if (!is_shortage(errno)) return;
  complaint_.tell("accept_paused", {{"socket", name_}, {"reason", std::generic_category().message(errno)}});
  watch_.end();
  resume_ = loop_.after(kPause, [this] { watch(); });
}

}  // namespace usher
