#include "jobs/registry.h"

#include <algorithm>

#include "base/clock.h"

namespace usher {
namespace {

// One row a living job; the columns are those of `usher jobs --json`.
constexpr ClientSchema kSchema{"usher-registry", 2, R"sql(
CREATE TABLE job (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  number INTEGER NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  user TEXT NOT NULL,
  program TEXT NOT NULL,
  listener TEXT NOT NULL,
  pool TEXT NOT NULL,
  client TEXT NOT NULL,
  transport TEXT NOT NULL,
  pid INTEGER NOT NULL,
  entered INTEGER NOT NULL,
  since INTEGER NOT NULL
) WITHOUT ROWID;
)sql"};

// What workers that serve many clients have served; those that serve one have no row.
constexpr ClientSchema kServedSchema{"usher-served", 1, R"sql(
CREATE TABLE served (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  connections INTEGER NOT NULL

) WITHOUT ROWID;
)sql"};

// Figures of pools (statistics.h).
constexpr ClientSchema kStatisticSchema{"usher-statistics", 1, R"sql(
CREATE TABLE statistic (
  source TEXT NOT NULL,
  pool TEXT NOT NULL,
  key TEXT NOT NULL,
  value INTEGER NOT NULL,
  level INTEGER NOT NULL,
  peak INTEGER NOT NULL,
  area INTEGER NOT NULL,
  since INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (source, pool, key)
) WITHOUT ROWID;
)sql"};

constexpr std::uint32_t kKeyLength = 32;  // the longest name of a pool

QueueAttributes ready_queue_attributes() {
  QueueAttributes attributes;
  attributes.sequence = Sequence::keyed;
  attributes.max_length = sizeof(JobId::bytes);
  attributes.key_length = kKeyLength;
  attributes.text = "workers that wait for a client";
  return attributes;
}

Library open(const std::string& runtime_directory, Registry::Open how) {
  LibraryOptions options;
  options.how.create = how == Registry::Open::create;
  options.how.mode = 0600;
  options.how.durability = Durability::process;  // its jobs do not survive a power loss either
  options.clients = {kSchema, kServedSchema, kStatisticSchema};
  return Library(open_library(registry_path(runtime_directory), std::move(options)));
}

DataQueue ready_queue(Library& library, Registry::Open how) {
  try {
    return library.queue(kReadyQueue);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::queue_not_found || how == Registry::Open::existing) throw;
  }
  return library.create_queue(kReadyQueue, ready_queue_attributes());
}

KeySelection of_pool(const std::string& pool) { return {KeyOrder::eq, Key::text(pool)}; }

Job job_from(const Rows& row) {
  Job job;
  job.id = job_id_from(row.get<std::string_view>(0));
  job.number = row.get<std::uint32_t>(1);
  job.owner = row.get<std::string>(2);
  job.name = row.get<std::string>(3);
  job.kind = job_kind(row.get<std::string_view>(4)).value_or(JobKind::worker);
  job.status = job_status(row.get<std::string_view>(5)).value_or(JobStatus::starting);
  job.user = row.get<std::string>(6);
  job.program = row.get<std::string>(7);
  job.listener = row.get<std::string>(8);
  job.pool = row.get<std::string>(9);
  job.client = row.get<std::string>(10);
  job.transport = row.get<std::string>(11);
  job.pid = row.get<std::int64_t>(12);
  job.entered = row.get<std::int64_t>(13);
  job.since = row.get<std::int64_t>(14);
  job.served = row.get<std::uint64_t>(15);
  return job;
}

constexpr const char* kSelect =
    "SELECT id, number, owner, name, kind, status, user, program, listener, pool, client, transport, pid, entered, since, "
    "coalesce((SELECT connections FROM served WHERE served.id = job.id), 0) FROM job";

}  // namespace

Registry::Statements::Statements(Database& database)
    : put(database.prepare("INSERT OR REPLACE INTO job (id, number, owner, name, kind, status, user, program, listener, pool, "
                           "client, transport, pid, entered, since) VALUES "
                           "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)")),
      put_served(database.prepare("INSERT OR REPLACE INTO served (id, connections) VALUES (?1,?2)")),
      remove(database.prepare("DELETE FROM job WHERE id = ?1")),
      remove_served(database.prepare("DELETE FROM served WHERE id = ?1")),
      assign(database.prepare("UPDATE job SET status = 'assigned', since = ?2 WHERE id = ?1 AND status = 'ready' "
                              "RETURNING 1")),
      is_ready(database.prepare("SELECT 1 FROM job WHERE id = ?1 AND status = 'ready'")),
      forget_statistics(database.prepare("DELETE FROM statistic WHERE source = ?1")),
      forget_all_statistics(database.prepare("DELETE FROM statistic")),
      put_statistic(database.prepare("INSERT INTO statistic VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)")) {}

Registry::Registry(const std::string& runtime_directory, Open how)
    : library_(open(runtime_directory, how)), ready_(ready_queue(library_, how)) {}

std::vector<Job> Registry::jobs() {
  return read_library(library_, [](Database& database) {
    std::vector<Job> jobs;
    Statement all = database.prepare(std::string(kSelect) + " ORDER BY entered, number", Database::Use::once);
    for (Rows rows = all.query(); rows.next();) jobs.push_back(job_from(rows));
    return jobs;
  });
}

std::optional<Job> Registry::find(std::uint32_t number) {
  return read_library(library_, [&](Database& database) -> std::optional<Job> {
    Statement one = database.prepare(std::string(kSelect) + " WHERE number = ?1", Database::Use::once);
    Rows rows = one.query(number);
    if (!rows.next()) return std::nullopt;
    return job_from(rows);
  });
}

std::vector<Statistic> Registry::statistics() {
  return read_library(library_, [](Database& database) {
    std::vector<Statistic> rows;
    Statement all = database.prepare("SELECT source, pool, key, value, level, peak, area, since, at FROM statistic",
                                     Database::Use::once);
    for (Rows row = all.query(); row.next();) {
      rows.push_back({row.get<std::string>(0), row.get<std::string>(1), row.get<std::string>(2), row.get<std::int64_t>(3),
                      row.get<std::int64_t>(4) != 0, row.get<std::int64_t>(5), row.get<std::int64_t>(6),
                      row.get<std::int64_t>(7), row.get<std::int64_t>(8)});
    }
    return rows;
  });
}

std::set<JobId> Registry::queued() {
  std::set<JobId> ids;
  for (const Entry& entry : ready_.list()) ids.insert(job_id_from(entry.data));
  return ids;
}

Watch Registry::watch_ready(const std::string& pool) { return ready_.watch(of_pool(pool)); }

Registry::Update::Update(Registry& registry)
    : registry_(registry), transaction_(registry.library_), statements_(registry.statements_.of(transaction_)) {}

void Registry::Update::put(const Job& job) {
  statements_.put.run(Blob{bytes_of(job.id)}, job.number, job.owner, job.name, name_of(job.kind), name_of(job.status),
                      job.user, job.program, job.listener, job.pool, job.client, job.transport, job.pid, job.entered, job.since);
  if (job.served > 0) statements_.put_served.run(Blob{bytes_of(job.id)}, job.served);
}

void Registry::Update::make_ready(const Job& job) {
  put(job);
  transaction_.send(registry_.ready_, bytes_of(job.id), Key::text(job.pool));
}

void Registry::Update::put_statistics(const std::string& source, const std::vector<Statistic>& rows) {
  statements_.forget_statistics.run(source);
  for (const Statistic& row : rows) {
    statements_.put_statistic.run(row.source, row.pool, row.key, row.value, std::int64_t{row.level}, row.peak, row.area,
                                  row.since, row.at);
  }
}

void Registry::Update::forget_statistics() { statements_.forget_all_statistics.run(); }

void Registry::Update::remove(const JobId& id) {
  statements_.remove.run(Blob{bytes_of(id)});
  statements_.remove_served.run(Blob{bytes_of(id)});
}

// The others go back in their order: a queue has no other way to give up an entry in its middle.
bool Registry::Update::withdraw(const std::string& pool, const JobId& id) {
  std::vector<std::string> others;
  bool found = false;
  while (const auto entry = transaction_.receive(registry_.ready_, of_pool(pool))) {
    if (entry->data == bytes_of(id)) {
      found = true;
    } else {
      others.push_back(entry->data);
    }
  }
  for (const std::string& other : others) transaction_.send(registry_.ready_, other, Key::text(pool));
  return found;
}

std::optional<JobId> Registry::Update::assign(const std::string& pool) {
  while (const auto entry = transaction_.receive(registry_.ready_, of_pool(pool))) {
    const JobId id = job_id_from(entry->data);
    if (mark_assigned(id)) return id;
  }
  return std::nullopt;
}

std::optional<JobId> Registry::Update::assign(const std::string& pool, Watch& ready) {
  const auto entry = transaction_.receive(ready);
  if (!entry) return std::nullopt;
  const JobId id = job_id_from(entry->data);
  return mark_assigned(id) ? id : assign(pool);
}

std::optional<JobId> Registry::Update::reserve(const std::string& pool) {
  while (const auto entry = transaction_.receive(registry_.ready_, of_pool(pool))) {
    if (statements_.is_ready.query(Blob{entry->data}).next()) return job_id_from(entry->data);
  }
  return std::nullopt;
}

void Registry::Update::assign(const JobId& reserved) { mark_assigned(reserved); }

void Registry::Update::put_back(const std::string& pool, const JobId& reserved) {
  if (!statements_.is_ready.query(Blob{bytes_of(reserved)}).next()) return;
  transaction_.send(registry_.ready_, bytes_of(reserved), Key::text(pool));
}

// False for the id of a job that is not ready any more.
bool Registry::Update::mark_assigned(const JobId& id) {
  return statements_.assign.query(Blob{bytes_of(id)}, wall_clock_ms()).next();
}

std::string registry_path(const std::string& runtime_directory) { return runtime_directory + "/db/registry.db"; }

}  // namespace usher
