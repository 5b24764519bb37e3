// What is counted of pools: numbers that only grow, and levels that rise and fall.
//
// Model:  whoever counts (the pool its workers, the listener its clients) keeps the figures and writes them into the registry's table
//         `statistic`, in a transaction, at most once a second; `usher status` reads them. They begin with Usher, or when they are
//         reset: a process that takes another's place goes on from what that one has written.
// Shape:  a level's area is the sum of value times milliseconds until `at`: its average is known at any later time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace usher {

struct Statistic {
  std::string source;  // who counts: "pool" or "listener"
  std::string pool;
  std::string key;
  std::int64_t value = 0;
  bool level = false;
  std::int64_t peak = 0;
  std::int64_t area = 0;
  std::int64_t since = 0;  // milliseconds since 1970
  std::int64_t at = 0;     // when the value became what it is

  // Of a level, from `since` until `now`.
  double average(std::int64_t now) const;
};

class Statistics {
 public:
  explicit Statistics(std::string source) : source_(std::move(source)) {}

  // True when something has changed that is not in the rows given last.
  bool changed() const noexcept { return changed_; }
  void set(const std::string& pool, const std::string& key, std::int64_t value);
  void change(const std::string& pool, const std::string& key, std::int64_t by);
  void count(const std::string& pool, const std::string& key, std::int64_t by = 1);
  // All of them, for writing.
  std::vector<Statistic> rows();
  // What the process before this one has written is added. It counts nobody any more: its levels are down to nothing.
  void go_on_from(const std::vector<Statistic>& rows);
  // Counts and times begin now.
  void reset();

 private:
  Statistic& find(const std::string& pool, const std::string& key);

  std::string source_;
  std::map<std::pair<std::string, std::string>, Statistic> figures_;  // by pool and key
  bool changed_ = false;
};

}  // namespace usher
