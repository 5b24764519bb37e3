#include "jobs/job.h"

#include <algorithm>
#include <array>

namespace usher {
namespace {

constexpr std::array<std::string_view, 3> kKinds{"listener", "pool", "worker"};
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

}  // namespace usher
