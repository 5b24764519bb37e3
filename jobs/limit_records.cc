#include "jobs/limit_records.h"

namespace usher {
namespace {

constexpr std::string_view kForgetQueue = "FORGET";
constexpr std::size_t kMostWishes = 1000;
constexpr std::chrono::milliseconds kTurn{200};  // the listener has clients to serve: another second will do

constexpr ClientSchema kSchema{"usher-limits", 1, R"sql(
CREATE TABLE held (
  kind TEXT NOT NULL,
  name BLOB NOT NULL,
  failures REAL NOT NULL,
  failures_at INTEGER NOT NULL,
  memory_ms INTEGER NOT NULL,
  refused_until INTEGER NOT NULL,
  refusals INTEGER NOT NULL,
  refused_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  forgotten_at INTEGER NOT NULL,
  known BLOB NOT NULL,
  PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE refusal (reason TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
)sql"};

Library open(const std::string& state_directory, LimitRecords::Open how) {
  LibraryOptions options;
  options.how.create = how == LimitRecords::Open::create;
  options.how.mode = 0600;
  options.how.durability = Durability::process;
  options.clients = {kSchema};
  return Library(open_library(state_directory + "/db/limits.db", std::move(options)));
}

DataQueue forget_queue(Library& library, LimitRecords::Open how) {
  try {
    return library.queue(kForgetQueue);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::queue_not_found || how == LimitRecords::Open::existing) throw;
  }
  QueueAttributes attributes;
  attributes.max_entries = kMostWishes;
  attributes.text = "what the listener shall forget";
  return library.create_queue(kForgetQueue, attributes);
}

LimitRecord record_from(const Rows& row) {
  LimitRecord record;
  record.kind = row.get<std::string>(0);
  record.name = row.get<std::string>(1);
  record.failures = row.get<double>(2);
  record.failures_at = row.get<std::int64_t>(3);
  record.memory_ms = row.get<std::int64_t>(4);
  record.refused_until = row.get<std::int64_t>(5);
  record.refusals = row.get<std::int64_t>(6);
  record.refused_at = row.get<std::int64_t>(7);
  record.reason = row.get<std::string>(8);
  record.forgotten_at = row.get<std::int64_t>(9);
  record.known = row.get<std::string>(10);
  return record;
}

}  // namespace

LimitRecords::Statements::Statements(Database& database)
    : put(database.prepare("INSERT OR REPLACE INTO held (kind, name, failures, failures_at, memory_ms, refused_until, refusals, "
                           "refused_at, reason, forgotten_at, known) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)")),
      remove(database.prepare("DELETE FROM held WHERE kind = ?1 AND name = ?2")),
      count(database.prepare("INSERT INTO refusal VALUES (?1, ?2) ON CONFLICT (reason) DO UPDATE SET count = count + ?2")),
      prune(database.prepare("DELETE FROM held WHERE (forgotten_at < ?1 AND known = x'') OR (kind, name) IN (SELECT kind, name "
                             "FROM held ORDER BY known = x'' ASC, max(forgotten_at, failures_at) DESC LIMIT -1 OFFSET ?2)")),
      lift(database.prepare("UPDATE held SET failures = 0, refused_until = 0, refusals = 0, refused_at = 0, forgotten_at = 0 "
                            "WHERE name = ?1 OR ?2")),
      empty(database.prepare("DELETE FROM held WHERE forgotten_at = 0 AND known = x''")) {}

LimitRecords::LimitRecords(const std::string& state_directory, Open how)
    : library_(open(state_directory, how)), forget_(forget_queue(library_, how)) {}

LimitRecords::Update::Update(LimitRecords& records)
    : records_(records), transaction_(records.library_, kTurn), statements_(records.statements_.of(transaction_)) {}

void LimitRecords::Update::put(const LimitRecord& record) {
  statements_.put.run(record.kind, Blob{record.name}, record.failures, record.failures_at, record.memory_ms, record.refused_until,
                      record.refusals, record.refused_at, record.reason, record.forgotten_at, Blob{record.known});
}

void LimitRecords::Update::remove(std::string_view kind, std::string_view name) { statements_.remove.run(kind, Blob{name}); }

void LimitRecords::Update::add_refusals(std::string_view reason, std::uint64_t count) { statements_.count.run(reason, count); }

void LimitRecords::Update::prune(std::int64_t now, std::int64_t most) { statements_.prune.run(now, most); }

void LimitRecords::Update::lift(std::string_view name) {
  statements_.lift.run(Blob{name}, name == "all");
  statements_.empty.run();
}

std::optional<std::string> LimitRecords::Update::next_wish() {
  const auto entry = transaction_.receive(records_.forget_);
  if (!entry) return std::nullopt;
  return entry->data;
}

std::vector<LimitRecord> LimitRecords::all() {
  return read_library(library_, [](Database& database) {
    std::vector<LimitRecord> records;
    Statement all = database.prepare(
        "SELECT kind, name, failures, failures_at, memory_ms, refused_until, refusals, refused_at, reason, forgotten_at, known "
        "FROM held ORDER BY kind, name",
        Database::Use::once);
    for (Rows rows = all.query(); rows.next();) records.push_back(record_from(rows));
    return records;
  });
}

std::map<std::string, std::int64_t> LimitRecords::refusals() {
  return read_library(library_, [](Database& database) {
    std::map<std::string, std::int64_t> counts;
    Statement all = database.prepare("SELECT reason, count FROM refusal", Database::Use::once);
    for (Rows rows = all.query(); rows.next();) counts[rows.get<std::string>(0)] = rows.get<std::int64_t>(1);
    return counts;
  });
}

}  // namespace usher
