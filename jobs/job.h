// A job as the registry and the history know it.
//
// Shape:  times are milliseconds since 1970, UTC; texts are empty and numbers 0 where nothing applies.
// Source: DESIGN 5.1 (`usher jobs --json`).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/job_id.h"

namespace usher {

enum class JobKind : std::uint8_t { listener, pool, worker, public_program };
enum class JobStatus : std::uint8_t { starting, ready, assigned, login, active, ending, ended };

std::string_view name_of(JobKind kind);
std::string_view name_of(JobStatus status);
std::optional<JobKind> job_kind(std::string_view name);
std::optional<JobStatus> job_status(std::string_view name);

// An id as the databases hold it. Errors: Error(damaged) for bytes that are none.
std::string_view bytes_of(const JobId& id);
JobId job_id_from(std::string_view bytes);

struct Job {
  JobId id;
  std::uint32_t number = 0;
  std::string owner;  // the middle part of its name: whose pool it is
  std::string name;   // the last part: the pool, "listener" or "pool"
  JobKind kind = JobKind::worker;
  JobStatus status = JobStatus::starting;
  std::string user;  // whose authority it runs under now
  std::string program;
  std::string listener;
  std::string pool;
  std::string client;
  std::string transport;     // "plain", "tls-relay" or "tls-kernel", once its program runs
  std::int64_t pid = 0;      // of the worker, later of the program
  std::int64_t entered = 0;  // when the job began
  std::int64_t since = 0;    // when its status became what it is
  std::uint64_t served = 0;  // connections, of a worker that serves one after another

  std::string full_name() const { return job_name(number, owner, name); }
};

struct EndedJob {
  Job job;
  std::int64_t ended = 0;
  std::string end;  // "normal", "status 3", "signal SIGKILL", "refused 900", "evicted", "retired", "lost"
  std::uint64_t cpu_ms = 0;
  std::uint64_t max_rss_kb = 0;
};

}  // namespace usher
