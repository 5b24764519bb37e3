// What the benchmarks' mains have in common: options, and how a run ends.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace usher::bench {

struct BenchOptions {
  unsigned rounds = 3;
  std::chrono::milliseconds time{3000};  // of one measurement, or of a soak
  std::string account = "normal";
  std::string server;       // the only one to measure; empty: all of them
  bool dynamic_program = false;  // the program of a session is linked dynamically: all is shown, no target applies
  std::size_t clients = 0;  // the only number of them; 0: those that belong to the account
};

// `usual`: what holds for options that are not given.
// Shape:  [--rounds N] [--ms N | --minutes N] [--account NAME] [--server NAME] [--clients N] [--program static|dynamic].
// Status: 0, also when a ratio does not hold: the table says so; 1 when a measurement failed; 2 wrong usage; 77 when it
// cannot run.
int bench_main(int count, char** arguments, const std::function<void(const BenchOptions&)>& run,
               const BenchOptions& usual = {});

// Each client is a descriptor here.
void allow_many_descriptors();

}  // namespace usher::bench
