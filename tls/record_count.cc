#include "tls/record_count.h"

#include <algorithm>

namespace usher::tls {
namespace {

constexpr std::size_t kHeader = 5;
constexpr std::uint8_t kChangeCipherSpec = 20;

}  // namespace

void RecordCount::pass(std::span<const std::uint8_t> bytes) noexcept {
  while (!bytes.empty()) {
    std::size_t passed = 1;
    position_ < kHeader ? pass_header(bytes[0]) : void(passed = pass_body(bytes));
    bytes = bytes.subspan(passed);
    if (position_ >= kHeader && position_ == size_) end_record();
  }
}

void RecordCount::pass_header(std::uint8_t byte) noexcept {
  if (position_ == 0) type_ = byte;
  if (position_ == 3) size_ = kHeader + std::size_t{byte} * 256;
  if (position_ == 4) size_ += byte;
  ++position_;
}

std::size_t RecordCount::pass_body(std::span<const std::uint8_t> bytes) noexcept {
  const std::size_t passed = std::min(bytes.size(), size_ - position_);
  for (std::size_t i = 0; i < passed && position_ - kHeader + i < opening_.size(); ++i)
    opening_.at(position_ - kHeader + i) = bytes[i];
  position_ += passed;
  return passed;
}

void RecordCount::end_record() noexcept {
  position_ = 0;
  ++count_;
  if (type_ == kChangeCipherSpec) restart();
}

}  // namespace usher::tls
