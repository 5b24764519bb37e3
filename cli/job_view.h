// Jobs as `usher jobs` and `usher job show` print them.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "jobs/job.h"

namespace usher {

// A job of the registry, or one of the history.
struct ShownJob {
  Job job;
  std::optional<EndedJob> end;
};

// One JSON object a line.
void print_json(const ShownJob& shown, std::ostream& out);
// A table with a heading.
void print_table(const std::vector<ShownJob>& jobs, std::ostream& out);
// One "key: value" a line.
void print_details(const ShownJob& shown, std::ostream& out);

}  // namespace usher
