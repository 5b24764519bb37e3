// Two thousand clients at one time who want a slow program, and processes that are killed meanwhile.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <random>
#include <string>
#include <thread>

#include "tests/end_to_end/installation.h"
#include "tests/support/client.h"

namespace usher::testing {

inline constexpr std::size_t kStorm = 2'000;     // connections at one time
inline constexpr std::chrono::seconds kOverAfter{60};  // for the machine to be through with a storm

// With room for that many connections in this process, or false.
bool room_for_storm();

// An Usher with the program "slow" that many want at one time.
Setting storm_setting(const std::string& road);

// What became of the clients.
struct Answers {
  std::atomic<int> served{0}, busy{0}, cut{0}, strange{0};
};

// Everybody at once, each to its end.
void storm(const Installation& usher, Answers& answers);

// Kills while it lasts: most of the time some process of a connection, now and then listener or pool.
class Killer {
 public:
  Killer(const Installation& usher, bool kills);
  Killer(const Killer&) = delete;
  Killer& operator=(const Killer&) = delete;
  ~Killer() { stop(); }

  void stop();
  // So many clients it may have cut off: each process had one at the most. A listener may have been about to send one. With
  // "spawn" clients are in the hands of the pool alone when it dies before it has served those of a listener that died.
  int victims(const std::string& road) const;

 private:
  void run();
  pid_t one_of_a_connection();

  const Installation& usher_;
  std::mt19937 random_{11};
  std::atomic<bool> storming_{true};
  std::atomic<int> connections_{0}, listeners_{0}, pools_{0};
  std::thread thread_;
};

}  // namespace usher::testing
