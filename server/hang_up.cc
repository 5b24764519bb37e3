#include "server/hang_up.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>

namespace usher {
namespace {

// Source: tcp(7) and unix(7), SIOCINQ.
bool has_sent_nothing(int client) noexcept {
  int unread = 0;
  return ::ioctl(client, FIONREAD, &unread) != 0 || unread == 0;
}

}  // namespace

void HangUp::watch(EventLoop& loop, int client, std::function<void()> gone) {
  end();
  moment_ = loop.after(kMoment, [this, &loop, client, gone = std::move(gone)] {
    watch_ = loop.watch(client, EPOLLRDHUP | EPOLLONESHOT, [client, gone](std::uint32_t) {
      if (has_sent_nothing(client)) gone();
    });
  });
}

void HangUp::end() noexcept {
  moment_.end();
  watch_.end();
}

}  // namespace usher
