// An Usher of a benchmark's own, with one listener, beside others on the same ground.
#pragma once

#include <string>

#include "tests/bench/front_door.h"
#include "tests/support/process.h"

namespace usher::bench {

class BenchUsher {
 public:
  // `name`: of its directories; `tables`: the configuration without [server].
  // Errors: std::runtime_error, with what it said, when it does not start.
  BenchUsher(const BenchGround& ground, const std::string& name, const std::string& tables);
  BenchUsher(const BenchUsher&) = delete;
  BenchUsher& operator=(const BenchUsher&) = delete;
  ~BenchUsher();

  std::uint16_t port() const noexcept { return port_; }
  // Of the starter: all others are below it.
  pid_t pid() const noexcept { return process_.pid(); }
  // Of the only process of that program.
  pid_t service(const std::string& program) const;

 private:
  testing::Process process_;
  std::uint16_t port_ = 0;
};

}  // namespace usher::bench
