#include "base/job_id.h"

#include <sys/random.h>

#include <cstdio>

#include "base/system.h"

namespace usher {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

JobId JobId::random() {
  JobId id;
  check(getrandom(id.bytes.data(), id.bytes.size(), 0), "get random bytes for a job id");
  return id;
}

std::optional<JobId> JobId::from_hex(std::string_view hex) {
  JobId id;
  if (hex.size() != 2 * id.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = hex_digit(hex[2 * i]);
    const int low = hex_digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return id;
}

std::string JobId::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0x0F];
  }
  return text;
}

std::string job_name(std::uint32_t number, std::string_view user, std::string_view name) {
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "%06u", number);
  return std::string(digits.data()) + "/" + std::string(user) + "/" + std::string(name);
}

}  // namespace usher
