// Clients that come again and again while a test does something else: by default they log in and run a program.
//
//   Visitors visitors(usher.address(), 4);   // the program "who" prints the user's name
//   Visitors others(4, [&] { ask_once(usher); });
//   ...
//   CHECK(visitors.stop().failed == 0);
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <vector>

namespace usher::testing {

inline constexpr const char* kWho = "[program.who]\nusers = [\"*\"]\ncommand = [\"/usr/bin/id\", \"-un\"]\n";

class Visitors {
 public:
  // `from`: the local IP address they come from; empty leaves it to the kernel.
  Visitors(const std::string& address, int count, const std::string& from = "");
  // `visit` is called by several threads, and throws when it was not served well.
  Visitors(int count, std::function<void()> visit);
  Visitors(const Visitors&) = delete;
  Visitors& operator=(const Visitors&) = delete;
  ~Visitors() { stop(); }

  struct Tally {
    int served = 0;
    int failed = 0;
    std::string failure;  // the first one, with its dialog
  };
  int served() const noexcept { return served_; }
  Tally stop();

 private:
  void visit();

  std::function<void()> visit_once_;
  std::atomic<bool> going_on_{true};
  std::atomic<int> served_{0};
  std::atomic<int> failed_{0};
  std::mutex mutex_;
  std::string failure_;
  std::vector<std::future<void>> clients_;
};

}  // namespace usher::testing
