// http_hello: answers every HTTP/1.1 request with a greeting, as a worker that a pool of Usher keeps running.
//
//   [pool.hello]                                   $ curl http://127.0.0.1:8080/
//   command = [".../http_hello"]                   hello
//   user = "www-data"
//
// Model:  one connection at a time, kept alive as long as its requests come within kPatience; so a pool needs as many
// workers as
//         clients shall be served at one time. A request has no body, and what it asks for does not matter.
// Shape:  a request's head has at most kMaxHead bytes; a longer one, or anything that is no request, is answered 400
// and closed.
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "usher/connections.h"

namespace {

constexpr std::size_t kMaxHead = 8192;
constexpr timeval kPatience{5, 0};

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";
constexpr std::string_view kGoodbye =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
constexpr std::string_view kBadRequest = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

bool send_whole(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool contains(std::string_view head, std::string_view words) {
  const auto same = [](char one, char other) { return lower(one) == other; };
  return std::search(head.begin(), head.end(), words.begin(), words.end(), same) != head.end();
}

bool is_request(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  return (line.starts_with("GET ") || line.starts_with("HEAD ")) &&
         (line.ends_with(" HTTP/1.1") || line.ends_with(" HTTP/1.0"));
}

bool wants_close(std::string_view head) {
  return contains(head, "\r\nconnection: close") || head.substr(0, head.find("\r\n")).ends_with(" HTTP/1.0");
}

class Conversation {
 public:
  explicit Conversation(int fd) : fd_(fd) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  }

  void run() {
    while (const auto head = read_head()) {
      if (!is_request(*head)) {
        send_whole(fd_, kBadRequest);
        return;
      }
      const bool last = wants_close(*head);
      std::string_view answer = last ? kGoodbye : kHello;
      if (head->starts_with("HEAD ")) answer = answer.substr(0, answer.find("\r\n\r\n") + 4);
      if (!send_whole(fd_, answer) || last) return;
    }
  }

 private:
  // With the empty line at its end; what is too long for one is returned as it is. Nothing: the client has gone, or is
  // silent.
  std::optional<std::string> read_head() {
    while (true) {
      const std::size_t end = received_.find("\r\n\r\n");
      if (end != std::string::npos) {
        std::string head = received_.substr(0, end + 4);
        received_.erase(0, end + 4);
        return head;
      }
      if (received_.size() >= kMaxHead) return received_;
      std::array<char, 4096> bytes;
      ssize_t got = 0;
      do got = ::recv(fd_, bytes.data(), bytes.size(), 0);
      while (got < 0 && errno == EINTR);  // asked to go: after this connection
      if (got <= 0) return std::nullopt;
      received_.append(bytes.data(), static_cast<std::size_t>(got));
    }
  }

  int fd_;
  std::string received_;
};

}  // namespace

int main() try {
  usher::Connections connections;
  while (const auto connection = connections.take()) Conversation(connection->fd()).run();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "http_hello: %s\n", error.what());
  return 1;
}
