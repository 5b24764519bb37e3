// What the tests that kill processes share.
#pragma once

#include <sys/mman.h>

#include <cstring>
#include <string>

#include "dataqueue/fault_point.h"
#include "dataqueue/library_transaction.h"
#include "tests/dataqueue/support.h"

namespace usher::testing {

// Counters that outlive the processes that write them.
template <class T>
class Shared {
 public:
  Shared()
      : value_(::new (::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) T{}) {}
  ~Shared() { ::munmap(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  T* operator->() { return value_; }
  T& operator*() { return *value_; }

 private:
  T* value_;
};

inline constexpr ClientSchema kLog{"test-log", 1, "CREATE TABLE log (place INTEGER PRIMARY KEY, data TEXT NOT NULL)"};

inline int rounds(int usual) {
  const char* text = std::getenv("USHER_TEST_KILLS");
  return text == nullptr ? usual : static_cast<int>(std::strtol(text, nullptr, 10));
}

inline std::string integrity(Library& library) {
  return read_library(library, [](Database& d) { return d.value_of<std::string>("PRAGMA integrity_check"); });
}

// Kills its process when a fault point is reached for the nth time.
struct Victim {
  static inline const char* point = nullptr;
  static inline int countdown = 0;
  static void listen(const char* reached) {
    if (std::strcmp(reached, point) == 0 && --countdown == 0) ::kill(::getpid(), SIGKILL);
  }
  static void die_at(const char* where, int time) {
    point = where;
    countdown = time;
    fault::listener = listen;
  }
};

inline constexpr const char* kPoints[] = {
    "turn taken",
    "dead heard",
    "one buried",
    "entry inserted",
    "entry removed",
    "receivers chosen",
    "committed",
    "about to give the turn back",
    "turn given back",
    "slot filled",
    "slot published",
    "ring entered",
    "slot cleared",
    "ring left",
    "neighbour's word changed",
    "choice noted",
    "choice published",
    "word changed",
    "about to write to the disk",
    "written to the disk",
    "write ended",
    "standing",
    "awake",
    "entry written",
    "entry handed over",
};

}  // namespace usher::testing
