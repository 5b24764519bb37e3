#include "tests/bench/bench_usher.h"

#include <signal.h>

#include "tests/support/process_table.h"

namespace usher::bench {
namespace {

std::string configuration(const BenchGround& ground, const std::string& name, const std::string& tables) {
  return ground.write(name + ".toml", "[server]\nruntime_directory = \"/run/" + name + "\"\nstate_directory = \"" +
                                          ground.path(name + "-state") + "\"\n\n" + tables);
}

}  // namespace

BenchUsher::BenchUsher(const BenchGround& ground, const std::string& name, const std::string& tables)
    : process_({USHER_BENCH_COMMAND, "start", "--foreground", "--config", configuration(ground, name, tables)}) {
  if (!process_.wait_for_error_text(": ready ")) throw std::runtime_error("Usher: " + process_.error_output());
  const std::string log = process_.error_output();
  constexpr std::string_view kBefore = "address=127.0.0.1:";
  port_ = static_cast<std::uint16_t>(std::stoul(log.substr(log.find(kBefore) + kBefore.size())));
}

BenchUsher::~BenchUsher() {
  process_.signal(SIGTERM);
  process_.wait_for_end(testing::kPatience);
}

pid_t BenchUsher::service(const std::string& program) const {
  for (const testing::ProcessEntry& child : testing::children_of(process_.pid())) {
    if (child.name == program.substr(0, 15)) return child.pid;
  }
  throw std::runtime_error("there is no " + program);
}

}  // namespace usher::bench
