// What the scenarios of the data-queue benchmark share.
#pragma once

#include <sys/mman.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace usher::bench {

using BenchClock = std::chrono::steady_clock;

inline double seconds_since(BenchClock::time_point begin) {
  return std::chrono::duration<double>(BenchClock::now() - begin).count();
}

// On a disk, not in memory; goes with all that is in it.
struct Directory {
  Directory();
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string path;
};

double median(std::vector<double> values);

// Children, waited for at the end.
class Processes {
 public:
  Processes() = default;
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;
  ~Processes();
  void start(const std::function<void()>& body);
  void wait();
  const std::vector<pid_t>& pids() const { return pids_; }

 private:
  std::vector<pid_t> pids_;
};

// Memory that the children write and the parent reads.
template <class T>
class SharedMemory {
 public:
  SharedMemory()
      : value_(::new (::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) T{}) {}
  ~SharedMemory() { ::munmap(value_, sizeof(T)); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  T* operator->() { return value_; }
  T& operator*() { return *value_; }

 private:
  T* value_;
};

class Table {
 public:
  // `ratio` says how much better ours is; below `floor` it is missed, and 0 is no floor.
  void row(const std::string& what, const std::string& peer, double ours, double theirs, const char* unit, double ratio,
           double floor);
  void print_targets() const;

 private:
  void note_target(const std::string& name, double ours, double theirs, double ratio, double floor);

  std::vector<std::string> targets_;
};

void measure_flow(Table& table);
void measure_ping_pong(Table& table);
void measure_pairs(Table& table);
void measure_forced(Table& table);
void measure_hand_over(Table& table);
void measure_idle(Table& table);
void measure_size(Table& table);
void measure_batches(Table& table);

struct Scenario {
  const char* name;
  void (*run)(Table& table);
};

inline constexpr Scenario kScenarios[] = {
    {"flow", measure_flow},     {"ping-pong", measure_ping_pong}, {"pairs", measure_pairs},
    {"forced", measure_forced}, {"hand-over", measure_hand_over}, {"idle", measure_idle},
    {"size", measure_size},     {"batches", measure_batches},
};

}  // namespace usher::bench
