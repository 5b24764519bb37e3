// TLS in the kernel: gives it the keys of a connection, and says what only a process can say on such a connection.
//
// Model:  from install() on read(2) and write(2) on the socket are the text of data records, for every process that has it.
//         Records of another type the kernel neither makes by itself nor gives to read(2), which then fails (EIO): no
//         alert is sent but by send_last_line(), and none is heard.
// Source: Linux, Documentation/networking/tls.rst; linux/tls.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "tls/traffic_keys.h"

namespace usher::tls {

// One direction's keys as the kernel takes them. Wipes itself.
class CryptoInfo {
 public:
  CryptoInfo(Version version, Cipher cipher, const DirectionKeys& keys);
  ~CryptoInfo() { explicit_bzero(bytes_.data(), bytes_.size()); }
  CryptoInfo(const CryptoInfo&) = delete;
  CryptoInfo& operator=(const CryptoInfo&) = delete;

  std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  template <class Layout>
  void lay_out(Version version, std::uint16_t cipher, const DirectionKeys& keys);

  std::array<std::uint8_t, 64> bytes_{};
  std::size_t size_ = 0;
};

// Nothing, or why this kernel does not take the connection, which then is as it was.
// Errors: std::system_error when only one direction could be given: the connection is of no more use.
std::string install(int connection, const TrafficKeys& keys);

// The last line, and that it was the last (close_notify); waits for room until `deadline`, whoever else has the
// connection. False when not all has gone. Thread: the only one of its process, which has SIGALRM to itself meanwhile.
bool send_last_line(int connection, std::string_view line, Instant deadline) noexcept;

}  // namespace usher::tls
