// Load on a server: many sessions at one time from one thread, and how long each took.
//
// Model:  one epoll loop; what differs between protocols is in Session. Times are from before connect() to the
// session's end.
//         A session that fails is counted and said; many in a row end the run.
// Units:  latencies in milliseconds.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "tests/bench/session.h"

namespace usher::bench {

struct LoadResult {
  double seconds = 0;             // in which the sessions below ended
  std::vector<double> latencies;  // one a session
  std::size_t sessions = 0;       // all that ended well, those that do not count above too
  std::size_t failures = 0;
  std::string first_failure;
  double client_cpu_ms = 0;  // of the load generator, a session

  double rate() const { return seconds == 0 ? 0 : static_cast<double>(latencies.size()) / seconds; }
};

// `clients` sessions at any time, each followed by another. What ends before `warm_up` is over, or after the time, does
// not count.
LoadResult keep_busy(const NewSession& make, std::size_t clients, std::chrono::milliseconds warm_up,
                     std::chrono::milliseconds time);

// A session begins every 1/rate seconds, whether those before it have ended or not. The first `warm_up` of them do not
// count.
LoadResult arrive_paced(const NewSession& make, double rate, std::size_t warm_up, std::size_t sessions);

// Sessions that are done and yet stay open; `at_once` of them are on their way at any time.
// Errors: std::runtime_error when one fails.
std::vector<std::unique_ptr<Session>> hold(const NewSession& make, std::size_t count, std::size_t at_once);

}  // namespace usher::bench
