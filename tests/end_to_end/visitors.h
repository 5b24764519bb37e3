// Clients that log in and run a program again and again while a test does something else.
//
//   Visitors visitors(usher.address(), 4);   // the program "who" prints the user's name
//   ...
//   CHECK(visitors.stop().failed == 0);
#pragma once

#include <atomic>
#include <future>
#include <mutex>
#include <string>
#include <vector>

namespace usher::testing {

inline constexpr const char* kWho = "[program.who]\nusers = [\"*\"]\ncommand = [\"/usr/bin/id\", \"-un\"]\n";

class Visitors {
 public:
  // `from`: the local IP address they come from; empty leaves it to the kernel.
  Visitors(std::string address, int count, std::string from = "");
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
  void visit_once() const;

  std::string address_;
  std::string from_;
  std::atomic<bool> going_on_{true};
  std::atomic<int> served_{0};
  std::atomic<int> failed_{0};
  std::mutex mutex_;
  std::string failure_;
  std::vector<std::future<void>> clients_;
};

}  // namespace usher::testing
