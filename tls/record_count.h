// Where one direction of a connection stands in its records, told from the bytes that pass.
//
// Model:  a record is a header of 5 bytes, whose last two say how much follows. The number of records since the keys in
//         force came into force is the sequence number of the next one.
// Source: RFC 8446, 5.1 and 5.3; RFC 5246, 6.2.1 and 7.1; RFC 5288, 3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace usher::tls {

class RecordCount {
 public:
  void pass(std::span<const std::uint8_t> bytes) noexcept;
  // The next record is the first with other keys. In TLS 1.2 a ChangeCipherSpec says so itself.
  void restart() noexcept { count_ = 0; }

  // Of records that have passed whole.
  std::uint64_t count() const noexcept { return count_; }
  // All that has passed are whole records.
  bool is_between_records() const noexcept { return position_ == 0; }
  // How the last one began behind its header: in TLS 1.2 with AES-GCM that is its explicit nonce.
  const std::array<std::uint8_t, 8>& opening() const noexcept { return opening_; }

 private:
  void pass_header(std::uint8_t byte) noexcept;
  std::size_t pass_body(std::span<const std::uint8_t> bytes) noexcept;
  void end_record() noexcept;

  std::uint64_t count_ = 0;
  std::size_t position_ = 0;  // in a record, from its header on
  std::size_t size_ = 0;      // of all of it, once the header is whole
  std::uint8_t type_ = 0;
  std::array<std::uint8_t, 8> opening_{};
};

}  // namespace usher::tls
