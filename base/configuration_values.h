// Durations and sizes as they are written in a configuration: "500ms" "30s" "5m" "2h" "1d", "512" "64k" "1M" "2G" "1T".
//
// Shape:  digits, then one unit, nothing else; a duration must have its unit, a size without one is bytes. k is 1,024.
// Source: DESIGN 5.2; the units are those of systemd.time(7) and of dd(1).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace usher {

// Empty for anything of another shape, and for values that do not fit into 63 bits.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::optional<std::uint64_t> parse_size(std::string_view text);

// In the largest unit that says it exactly.
std::string duration_text(std::chrono::milliseconds duration);
std::string size_text(std::uint64_t bytes);

}  // namespace usher
