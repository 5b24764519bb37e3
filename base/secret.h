// A password or one-time code on its way from the wire to PAM.
//
// Cannot be copied, printed or compared by accident; wipes itself when it goes.
// Shape:  0..1,024 bytes, any value; kept in place, never on the heap.
#pragma once

#include <string.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace usher {

class Secret {
 public:
  static constexpr std::size_t kMax = 1024;

  Secret() noexcept = default;
  Secret(Secret&& other) noexcept { take(other); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) take(other);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), size_}; }

  // False, and nothing added, when there is no room left.
  bool append(std::span<const std::uint8_t> more) noexcept {
    if (more.size() > kMax - size_) return false;
    if (!more.empty()) memcpy(bytes_.data() + size_, more.data(), more.size());
    size_ += more.size();
    return true;
  }
  void shorten(std::size_t size) noexcept {
    if (size >= size_) return;
    explicit_bzero(bytes_.data() + size, size_ - size);
    size_ = size;
  }
  void wipe() noexcept { shorten(0); }

 private:
  void take(Secret& other) noexcept {
    wipe();
    append(other.bytes());
    other.wipe();
  }

  std::array<std::uint8_t, kMax> bytes_;
  std::size_t size_ = 0;
};

}  // namespace usher
