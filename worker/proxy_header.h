// The header by which a proxy says for whom it connects, and never a byte of what follows it.
//
// Source: The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt, 2020-03-05), sections 2.1 and 2.2.
// Shape:  version 1 is a line of at most 107 bytes; version 2 has 16 bytes and at most kMaxAddresses more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace usher {

class ProxyHeader {
 public:
  enum class Result { whole, more, bad, ended };

  explicit ProxyHeader(int fd) : fd_(fd) {}

  // Goes on with the header as far as bytes have come.
  Result read();

  // Of a whole one. Empty: the proxy speaks for itself (LOCAL, UNKNOWN, another address family).
  const std::string& host() const noexcept { return host_; }
  std::uint16_t port() const noexcept { return port_; }

  // Does a client that nobody takes for a proxy try to be one?
  static bool is_line_of_one(std::string_view line);

 private:
  Result take(std::size_t most);
  Result read_line();
  Result read_block();
  bool parse_line();
  bool parse_block();

  int fd_;
  std::string bytes_;
  std::string host_;
  std::uint16_t port_ = 0;
};

}  // namespace usher
