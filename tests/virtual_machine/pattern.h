// Bytes that both ends of a transfer can make and check for themselves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace usher::testing {

class Pattern {
 public:
  std::string next(std::size_t count) {
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = static_cast<char>((state_ = state_ * 1'664'525U + 1'013'904'223U) >> 24U);
    return bytes;
  }
  // Are these the ones that come next?
  bool continues(std::string_view bytes) { return next(bytes.size()) == bytes; }

 private:
  std::uint32_t state_ = 7;
};

}  // namespace usher::testing
