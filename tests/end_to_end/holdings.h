// What an installation holds at a calm moment. Taken before and after a test, the two are equal when nothing is left
// over.
//
//   const Installation usher(steady({.programs = kWho}));
//   const Holdings before = holdings_of(usher);
//   ...
//   CHECK(comes_back_to(usher, before));
#pragma once

#include <ostream>
#include <set>
#include <string>

#include "tests/end_to_end/installation.h"

namespace usher::testing {

struct Holdings {
  std::size_t starter_descriptors = 0;
  std::size_t pool_descriptors = 0;
  std::size_t listener_descriptors = 0;
  std::size_t processes = 0;  // below the starter
  std::size_t jobs = 0;
  std::size_t ready_entries = 0;  // in the ready queue
  std::set<std::string> files;    // of the runtime and state directories, but for job logs

  bool operator==(const Holdings&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Holdings& holdings);

// What the pool keeps, and whether by the ready queue.
struct Kept {
  std::size_t workers = kSteadyWorkers;
  std::size_t queued = kSteadyWorkers;
};

// After a first rush of clients, when the steady number of workers is ready and nobody has a client.
Holdings holdings_of(const Installation& usher, const Kept& kept = {});
// False, with both in the test's messages, when it never does.
bool comes_back_to(const Installation& usher, const Holdings& before, const Kept& kept = {});

}  // namespace usher::testing
