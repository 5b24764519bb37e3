#include "base/configuration_values.h"

#include <array>
#include <charconv>
#include <limits>

namespace usher {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

// From the smallest to the largest.
constexpr std::array<Unit, 5> kDurationUnits{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 6> kSizeUnits{{{"", 1},
                                          {"k", std::uint64_t{1} << 10U},
                                          {"K", std::uint64_t{1} << 10U},
                                          {"M", std::uint64_t{1} << 20U},
                                          {"G", std::uint64_t{1} << 30U},
                                          {"T", std::uint64_t{1} << 40U}}};
constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();

template <std::size_t N>
std::optional<std::uint64_t> parse(std::string_view text, const std::array<Unit, N>& units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return {};
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (suffix != unit.suffix) continue;
    if (number > kMax / unit.factor) return {};
    return number * unit.factor;
  }
  return {};
}

template <std::size_t N>
std::string text_of(std::uint64_t value, const std::array<Unit, N>& units, const Unit& unit_of_zero) {
  const Unit* best = value == 0 ? &unit_of_zero : units.data();
  for (const Unit& unit : units) {
    if (value != 0 && unit.factor > best->factor && value % unit.factor == 0) best = &unit;
  }
  return std::to_string(value / best->factor) + std::string(best->suffix);
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto milliseconds = parse(text, kDurationUnits);
  if (!milliseconds) return {};
  return std::chrono::milliseconds(static_cast<std::int64_t>(*milliseconds));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse(text, kSizeUnits);
}

std::string duration_text(std::chrono::milliseconds duration) {
  return text_of(static_cast<std::uint64_t>(duration.count()), kDurationUnits, kDurationUnits[1]);
}

std::string size_text(std::uint64_t bytes) {
  return text_of(bytes, kSizeUnits, kSizeUnits[0]);
}

}  // namespace usher
