#include "cli/job_view.h"

#include <Poco/JSON/Object.h>

#include <algorithm>
#include <array>
#include <iomanip>
#include <ostream>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace usher {
namespace {

using Field = std::pair<const char*, std::string>;

std::vector<Field> text_fields(const Job& job) {
  return {{"job", job.full_name()},
          {"id", job.id.hex()},
          {"kind", std::string(name_of(job.kind))},
          {"status", std::string(name_of(job.status))},
          {"user", job.user},
          {"program", job.program},
          {"listener", job.listener},
          {"pool", job.pool},
          {"client", job.client},
          {"transport", job.transport}};
}

constexpr std::size_t kColumns = 7;
using Row = std::array<std::string, kColumns>;

Row row_of(const ShownJob& shown) {
  const Job& job = shown.job;
  return {job.full_name(), shown.end ? shown.end->end : std::string(name_of(job.status)),
          job.user,        job.program,
          job.client,      job.pid == 0 ? "" : std::to_string(job.pid),
          rfc3339(shown.end ? shown.end->ended : job.since)};
}

}  // namespace

void print_json(const ShownJob& shown, std::ostream& out) {
  Poco::JSON::Object object(Poco::JSON_PRESERVE_KEY_ORDER);
  for (const auto& [name, value] : text_fields(shown.job)) object.set(name, printable(value));
  object.set("pid", shown.job.pid);
  object.set("entered", rfc3339(shown.job.entered));
  object.set("since", rfc3339(shown.job.since));
  if (shown.job.served > 0) object.set("served", shown.job.served);
  if (shown.end) {
    object.set("ended", rfc3339(shown.end->ended));
    object.set("end", shown.end->end);
    object.set("cpu_ms", shown.end->cpu_ms);
    object.set("max_rss_kb", shown.end->max_rss_kb);
  }
  object.stringify(out);
  out << "\n";
}

void print_table(const std::vector<ShownJob>& jobs, std::ostream& out) {
  std::vector<Row> rows{{"JOB", "STATUS", "USER", "PROGRAM", "CLIENT", "PID", "SINCE"}};
  for (const ShownJob& shown : jobs) rows.push_back(row_of(shown));
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) widths.at(i) = std::max(widths.at(i), row.at(i).size());
  }
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < kColumns; ++i) {
      out << std::left << std::setw(static_cast<int>(widths.at(i) + 2)) << printable(row.at(i));
    }
    out << row.back() << "\n";
  }
}

void print_details(const ShownJob& shown, std::ostream& out) {
  for (const auto& [name, value] : text_fields(shown.job)) {
    if (!value.empty()) out << name << ": " << printable(value) << "\n";
  }
  out << "pid: " << shown.job.pid << "\nentered: " << rfc3339(shown.job.entered) << "\nsince: " << rfc3339(shown.job.since)
      << "\n";
  if (shown.job.served > 0) out << "served: " << shown.job.served << "\n";
  if (!shown.end) return;
  out << "ended: " << rfc3339(shown.end->ended) << "\nend: " << shown.end->end << "\ncpu_ms: " << shown.end->cpu_ms
      << "\nmax_rss_kb: " << shown.end->max_rss_kb << "\n";
}

}  // namespace usher
