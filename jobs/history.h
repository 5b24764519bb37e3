// The history: every job that has ended, in a file that outlives Usher; and the number that the next job gets.
//
// Model:  written by the pool alone, many rows a transaction; read by `usher jobs --all`. The oldest rows go when there are more
//         than kMaxRows.
// Shape:  job numbers run 1..999,999 and begin again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dataqueue/sqlite.h"
#include "jobs/job.h"

namespace usher {

inline constexpr std::int64_t kMaxHistoryRows = 100'000;

class History {
 public:
  enum class Open { create, existing };
  // `existing`: to read. Errors: library_not_found when there is none yet.
  History(const std::string& state_directory, Open how);

  // Adds them together; one that is there already (by its id) is left as it is. Returns the ids of rows that made way.
  std::vector<JobId> add(const std::vector<EndedJob>& jobs);

  // The next number; numbers for which `in_use` holds are passed over. After a crash some numbers may be left out.
  std::uint32_t next_number(const std::function<bool(std::uint32_t)>& in_use);

  // Oldest first.
  void for_each(const std::function<void(const EndedJob&)>& visit);
  // By number the latest one.
  std::optional<EndedJob> find(std::uint32_t number);
  std::optional<EndedJob> find(const JobId& id);

 private:
  Database database_;
  Statement insert_;
  std::uint32_t next_number_ = 0;
  std::uint32_t reserved_to_ = 0;
  std::int64_t rows_ = 0;
};

}  // namespace usher
