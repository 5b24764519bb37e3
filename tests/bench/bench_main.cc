#include "tests/bench/bench_main.h"

#include <sys/resource.h>

#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/system.h"
#include "tests/bench/front_door.h"

namespace usher::bench {
namespace {

// False when there is no such option, or it cannot be that.
bool take(const std::string& name, const std::string& value, BenchOptions& options) {
  const unsigned long count = std::strtoul(value.c_str(), nullptr, 10);
  if (name == "--account") {
    options.account = value;
  } else if (name == "--server") {
    options.server = value;
  } else if (name == "--program" && (value == "static" || value == "dynamic")) {
    options.dynamic_program = value == "dynamic";
  } else if (name == "--rounds" && count > 0) {
    options.rounds = static_cast<unsigned>(count);
  } else if (name == "--clients" && count > 0) {
    options.clients = count;
  } else if (name == "--ms" && count > 0) {
    options.time = std::chrono::milliseconds(count);
  } else if (name == "--minutes" && count > 0) {
    options.time = std::chrono::minutes(count);
  } else {
    return false;
  }
  return true;
}

std::optional<BenchOptions> options_from(const std::vector<std::string>& words, BenchOptions options) {
  if (words.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (!take(words[i], words[i + 1], options)) return std::nullopt;
  }
  return options;
}

}  // namespace

int bench_main(int count, char** arguments, const std::function<void(const BenchOptions&)>& run,
               const BenchOptions& usual) try {
  const auto options = options_from({arguments + 1, arguments + count}, usual);
  if (!options) {
    std::cerr << "usage: " << arguments[0] << " [--rounds N] [--ms N | --minutes N] [--account NAME] [--server NAME] [--clients N]"
                 " [--program static|dynamic]\n";
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

void allow_many_descriptors() {
  rlimit limit{};
  check(::getrlimit(RLIMIT_NOFILE, &limit), "ask for the limit of descriptors");
  limit.rlim_cur = limit.rlim_max;
  check(::setrlimit(RLIMIT_NOFILE, &limit), "raise the limit of descriptors");
}

}  // namespace usher::bench
