#include "server/farewell.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/orderly_close.h"

namespace usher {

bool Farewells::send_line(int client, Code code, std::string_view text) {
  const std::string line = reply_line(code, text);
  return ::send(client, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

// A client whose buffer is full at this moment has read nothing and will not read this.
void Farewells::say(UniqueFd client, Code code, std::string_view text) {
  if (!send_line(client.get(), code, text) || ::shutdown(client.get(), SHUT_WR) != 0) return;
  if (leaving_.size() == kMost) close(leaving_.begin());
  const auto place = leaving_.emplace(leaving_.end());
  place->fd = std::move(client);
  place->watch = loop_.watch(place->fd.get(), EPOLLIN | EPOLLRDHUP, [this, place](std::uint32_t) {
    if (discard_input(place->fd.get())) close(place);
  });
  place->deadline = loop_.after(kLingerTime, [this, place] { close(place); });
}

// A message that nobody has read may still hold a duplicate.
void Farewells::close(std::list<Leaving>::iterator place) {
  ::shutdown(place->fd.get(), SHUT_RDWR);
  leaving_.erase(place);
}

}  // namespace usher
