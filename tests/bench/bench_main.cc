#include "tests/bench/bench_main.h"

#include <exception>
#include <iostream>
#include <optional>
#include <string>

#include "tests/bench/front_door.h"

namespace usher::bench {
namespace {

std::optional<BenchOptions> options_from(int count, char** arguments) {
  BenchOptions options;
  for (int i = 1; i < count; i += 2) {
    const std::string name = arguments[i];
    const unsigned long value = i + 1 < count ? std::strtoul(arguments[i + 1], nullptr, 10) : 0;
    if (value == 0) return std::nullopt;
    if (name == "--rounds") {
      options.rounds = static_cast<unsigned>(value);
    } else if (name == "--ms") {
      options.time = std::chrono::milliseconds(value);
    } else {
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace

int bench_main(int count, char** arguments, const std::function<void(const BenchOptions&)>& run) try {
  const auto options = options_from(count, arguments);
  if (!options) {
    std::cerr << "usage: " << arguments[0] << " [--rounds N] [--ms N]\n";
    return 2;
  }
  run(*options);
  return 0;
} catch (const CannotRun& reason) {
  std::cerr << "skipped: " << reason.what() << '\n';
  return 77;
} catch (const std::exception& error) {
  std::cerr << "failed: " << error.what() << '\n';
  return 1;
}

}  // namespace usher::bench
