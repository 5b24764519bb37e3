#include "jobs/job.h"

#include <algorithm>
#include <array>

#include "usher/error.h"

namespace usher {
namespace {

constexpr std::array<std::string_view, 4> kKinds{"listener", "pool", "worker", "public"};
constexpr std::array<std::string_view, 7> kStatuses{"starting", "ready", "assigned", "login", "active", "ending", "ended"};

template <class Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view name_of(JobKind kind) { return kKinds.at(static_cast<std::size_t>(kind)); }
std::string_view name_of(JobStatus status) { return kStatuses.at(static_cast<std::size_t>(status)); }
std::optional<JobKind> job_kind(std::string_view name) { return find<JobKind>(kKinds, name); }
std::optional<JobStatus> job_status(std::string_view name) { return find<JobStatus>(kStatuses, name); }

std::string_view bytes_of(const JobId& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};  // NOLINT: bytes as characters
}

JobId job_id_from(std::string_view bytes) {
  JobId id;
  if (bytes.size() != id.bytes.size()) throw Error(ErrorCode::damaged, "a job id in the database has a wrong length");
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

}  // namespace usher
