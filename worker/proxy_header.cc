#include "worker/proxy_header.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <vector>

#include "base/network.h"

namespace usher {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kMaxLine = 107;
constexpr std::size_t kBlockHead = 16;
constexpr std::size_t kMaxAddresses = 1024;  // addresses and what a proxy adds to them

unsigned byte_at(const std::string& bytes, std::size_t at) { return static_cast<unsigned char>(bytes.at(at)); }

std::size_t number_at(const std::string& bytes, std::size_t at) { return byte_at(bytes, at) << 8U | byte_at(bytes, at + 1); }

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t blank = line.find(' ');
    words.push_back(line.substr(0, blank));
    if (blank == line.npos) return words;
    line.remove_prefix(blank + 1);
  }
}

bool is_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

bool ProxyHeader::is_line_of_one(std::string_view line) {
  return line.starts_with("PROXY TCP4 ") || line.starts_with("PROXY TCP6 ") || line.starts_with("PROXY UNKNOWN");
}

ProxyHeader::Result ProxyHeader::read() {
  if (bytes_.empty()) {
    if (const Result first = take(1); first != Result::whole) return first;
  }
  if (bytes_.front() == 'P') return read_line();
  return bytes_.front() == kSignature.front() ? read_block() : Result::bad;
}

// At most so many bytes in all; whole when they are there.
ProxyHeader::Result ProxyHeader::take(std::size_t most) {
  std::array<char, kBlockHead + kMaxAddresses> part;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by recv
  while (bytes_.size() < most) {
    const ssize_t got = ::recv(fd_, part.data(), std::min(part.size(), most - bytes_.size()), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return Result::more;
    if (got <= 0) return Result::ended;
    bytes_.append(part.data(), static_cast<std::size_t>(got));
  }
  return Result::whole;
}

// Byte by byte: a line has no length, and what follows it is not the header's.
ProxyHeader::Result ProxyHeader::read_line() {
  while (!bytes_.ends_with('\n')) {
    if (bytes_.size() == kMaxLine) return Result::bad;
    if (const Result next = take(bytes_.size() + 1); next != Result::whole) return next;
  }
  return parse_line() ? Result::whole : Result::bad;
}

bool ProxyHeader::parse_line() {
  if (!bytes_.ends_with("\r\n")) return false;
  const auto words = words_of(std::string_view(bytes_).substr(0, bytes_.size() - 2));
  if (words.size() >= 2 && words[0] == "PROXY" && words[1] == "UNKNOWN") return true;
  if (words.size() != 6 || words[0] != "PROXY" || (words[1] != "TCP4" && words[1] != "TCP6")) return false;
  std::uint16_t to_port = 0;
  const bool ipv6 = words[1] == "TCP6";
  std::array<std::uint8_t, 16> unused{};
  const auto is_address = [&](std::string_view text) {
    return inet_pton(ipv6 ? AF_INET6 : AF_INET, std::string(text).c_str(), unused.data()) == 1;
  };
  if (!is_address(words[2]) || !is_address(words[3]) || !is_port(words[4], port_) || !is_port(words[5], to_port)) return false;
  host_ = words[2];
  return true;
}

ProxyHeader::Result ProxyHeader::read_block() {
  if (const Result head = take(kBlockHead); head != Result::whole) return head;
  const std::size_t length = number_at(bytes_, 14);
  if (!bytes_.starts_with(kSignature) || length > kMaxAddresses) return Result::bad;
  if (const Result rest = take(kBlockHead + length); rest != Result::whole) return rest;
  return parse_block() ? Result::whole : Result::bad;
}

bool ProxyHeader::parse_block() {
  constexpr unsigned kLocal = 0x20, kProxy = 0x21, kTcp4 = 0x11, kTcp6 = 0x21;
  const unsigned command = byte_at(bytes_, 12);
  const unsigned family = byte_at(bytes_, 13);
  if (command == kLocal) return true;
  if (command != kProxy) return false;
  if (family != kTcp4 && family != kTcp6) return true;
  const std::size_t size = family == kTcp4 ? 4 : 16;
  if (bytes_.size() < kBlockHead + 2 * size + 4) return false;
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family == kTcp4 ? AF_INET : AF_INET6, bytes_.data() + kBlockHead, text.data(), text.size());
  host_ = text.data();
  port_ = static_cast<std::uint16_t>(number_at(bytes_, kBlockHead + 2 * size));
  return true;
}

}  // namespace usher
