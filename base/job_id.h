// Which job: the internal id that never repeats, and the name that people use.
//
// Shape:  an id is 16 random bytes, written as 32 hex digits. A name is `number/user/name`, e.g. "000123/usher/generic":
//         a number 1..999,999 in six digits, the user that the pool runs as, the pool.
// Source: IBM i job identifiers (qualified job name, internal job id).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace usher {

struct JobId {
  std::array<std::uint8_t, 16> bytes{};

  static JobId random();
  static std::optional<JobId> from_hex(std::string_view hex);
  std::string hex() const;
  auto operator<=>(const JobId&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 sees a 0 in it
};

inline constexpr std::uint32_t kMaxJobNumber = 999'999;

std::string job_name(std::uint32_t number, std::string_view user, std::string_view name);

}  // namespace usher
