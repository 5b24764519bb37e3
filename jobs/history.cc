#include "jobs/history.h"

#include <algorithm>

#include "usher/error.h"

namespace usher {
namespace {

constexpr std::int64_t kLayout = 1;
constexpr std::uint32_t kReserve = 256;  // numbers set aside at a time, so that few writes are about numbers

constexpr int kCacheKb = 512;            // of the pool's memory; SQLite would take four times as much

constexpr const char* kSchema = R"sql(
CREATE TABLE history (
  sequence INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  number INTEGER NOT NULL,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  user TEXT NOT NULL,
  program TEXT NOT NULL,
  listener TEXT NOT NULL,
  pool TEXT NOT NULL,
  client TEXT NOT NULL,
  pid INTEGER NOT NULL,
  entered INTEGER NOT NULL,
  since INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  "end" TEXT NOT NULL,
  cpu_ms INTEGER NOT NULL,
  max_rss_kb INTEGER NOT NULL
);
CREATE INDEX history_number ON history (number);
CREATE TABLE counter (next_number INTEGER NOT NULL);
INSERT INTO counter VALUES (1);
PRAGMA user_version = 1;
)sql";

constexpr const char* kColumns =
    "id, number, owner, name, kind, user, program, listener, pool, client, pid, entered, since, ended, \"end\", cpu_ms, "
    "max_rss_kb";

EndedJob ended_job_from(const Rows& row) {
  EndedJob ended;
  Job& job = ended.job;
  job.id = job_id_from(row.get<std::string_view>(0));
  job.number = row.get<std::uint32_t>(1);
  job.owner = row.get<std::string>(2);
  job.name = row.get<std::string>(3);
  job.kind = job_kind(row.get<std::string_view>(4)).value_or(JobKind::worker);
  job.status = JobStatus::ended;
  job.user = row.get<std::string>(5);
  job.program = row.get<std::string>(6);
  job.listener = row.get<std::string>(7);
  job.pool = row.get<std::string>(8);
  job.client = row.get<std::string>(9);
  job.pid = row.get<std::int64_t>(10);
  job.entered = row.get<std::int64_t>(11);
  job.since = row.get<std::int64_t>(12);
  ended.ended = row.get<std::int64_t>(13);
  ended.end = row.get<std::string>(14);
  ended.cpu_ms = row.get<std::uint64_t>(15);
  ended.max_rss_kb = row.get<std::uint64_t>(16);
  return ended;
}

std::optional<EndedJob> first(Rows rows) {
  if (!rows.next()) return std::nullopt;
  return ended_job_from(rows);
}

}  // namespace

History::History(const std::string& state_directory, Open how) {
  const bool create = how == Open::create;
  database_ = Database::open(state_directory + "/db/history.db", {.create = create, .read_only = !create});
  database_.set_busy_deadline(Clock::now() + std::chrono::seconds(10));
  if (create) {
    database_.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = " + std::to_string(-kCacheKb));
    if (database_.value_of<std::int64_t>("PRAGMA user_version") == 0) database_.execute(kSchema);
  }
  if (database_.value_of<std::int64_t>("PRAGMA user_version") != kLayout) {
    throw Error(ErrorCode::wrong_version, "the history is of another version of Usher; move its file away");
  }
  if (!create) return;
  insert_ = database_.prepare(std::string("INSERT OR IGNORE INTO history (") + kColumns +
                              ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)");
  rows_ = database_.value_of<std::int64_t>("SELECT count(*) FROM history");
}

std::vector<JobId> History::add(const std::vector<EndedJob>& jobs) {
  database_.set_busy_deadline(Clock::now() + std::chrono::seconds(10));
  ImmediateTransaction transaction(database_);
  for (const EndedJob& ended : jobs) {
    const Job& job = ended.job;
    insert_.run(Blob{bytes_of(job.id)}, job.number, job.owner, job.name, name_of(job.kind), job.user, job.program,
                job.listener, job.pool, job.client, job.pid, job.entered, job.since, ended.ended, ended.end, ended.cpu_ms,
                ended.max_rss_kb);
    rows_ += database_.changes();
  }
  std::vector<JobId> gone;
  if (rows_ > kMaxHistoryRows) {
    Statement oldest = database_.prepare(
        "DELETE FROM history WHERE sequence IN (SELECT sequence FROM history ORDER BY sequence LIMIT ?1) RETURNING id",
        Database::Use::once);
    for (Rows rows = oldest.query(rows_ - kMaxHistoryRows); rows.next();) gone.push_back(job_id_from(rows.get<std::string_view>(0)));
    rows_ -= static_cast<std::int64_t>(gone.size());
  }
  transaction.commit();
  return gone;
}

std::uint32_t History::next_number(const std::function<bool(std::uint32_t)>& in_use) {
  std::uint32_t number = 0;
  do {
    if (next_number_ == reserved_to_) {
      database_.set_busy_deadline(Clock::now() + std::chrono::seconds(10));
      next_number_ = database_.value_of<std::uint32_t>("SELECT next_number FROM counter");
      if (next_number_ == 0 || next_number_ > kMaxJobNumber) next_number_ = 1;
      reserved_to_ = std::min(next_number_ + kReserve, kMaxJobNumber + 1);
      database_.prepare("UPDATE counter SET next_number = ?1", Database::Use::once).run(reserved_to_);
    }
    number = next_number_++;
  } while (in_use(number));
  return number;
}

void History::for_each(const std::function<void(const EndedJob&)>& visit) {
  Statement all = database_.prepare(std::string("SELECT ") + kColumns + " FROM history ORDER BY sequence", Database::Use::once);
  for (Rows rows = all.query(); rows.next();) visit(ended_job_from(rows));
}

std::optional<EndedJob> History::find(std::uint32_t number) {
  Statement by_number = database_.prepare(
      std::string("SELECT ") + kColumns + " FROM history WHERE number = ?1 ORDER BY sequence DESC LIMIT 1", Database::Use::once);
  return first(by_number.query(number));
}

std::optional<EndedJob> History::find(const JobId& id) {
  Statement by_id =
      database_.prepare(std::string("SELECT ") + kColumns + " FROM history WHERE id = ?1", Database::Use::once);
  return first(by_id.query(Blob{bytes_of(id)}));
}

}  // namespace usher
