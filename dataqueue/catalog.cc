#include "dataqueue/catalog.h"

#include "dataqueue/schema.h"

namespace usher {
namespace {

constexpr const char* kColumns =
    "number, incarnation, name, sequence, max_length, key_length, max_entries, sender_id, force, text, max_deliveries, "
    "dead_letter";

std::string select_where(const std::string& condition) {
  return std::string("SELECT ") + kColumns + " FROM queue WHERE " + condition;
}

QueueRecord record_of(const Rows& row) {
  QueueRecord queue;
  queue.number = row.get<std::uint32_t>(0);
  queue.incarnation = row.get<std::uint64_t>(1);
  queue.name = row.get<std::string>(2);
  queue.attributes.sequence = sequence_named(row.get<std::string_view>(3)).value_or(Sequence::fifo);
  queue.attributes.max_length = row.get<std::uint32_t>(4);
  queue.attributes.key_length = row.get<std::uint32_t>(5);
  queue.attributes.max_entries = row.get<std::uint64_t>(6);
  queue.attributes.sender_id = row.get<bool>(7);
  queue.attributes.force = row.get<bool>(8);
  queue.attributes.text = row.get<std::string>(9);
  queue.attributes.max_deliveries = row.get<std::uint32_t>(10);
  queue.attributes.dead_letter = row.get<std::string>(11);
  return queue;
}

[[noreturn]] void not_found(const std::string& name) {
  throw Error(ErrorCode::queue_not_found, "queue " + name + " is not in the library");
}

}  // namespace

Catalog::Catalog(Database& database)
    : database_(database),
      by_name_(database.prepare(select_where("name = ?1"))),
      by_number_(database.prepare(select_where("number = ?1"))),
      count_(database.prepare("UPDATE queue SET counted = counted + ?2 "
                              "WHERE number = ?1 AND (?2 < 0 OR counted + ?2 <= max_entries)")) {}

const QueueRecord& Catalog::find(const std::string& name, std::uint64_t generation) {
  if (generation_ != generation) {
    copy_.clear();
    generation_ = generation;
  }
  const auto found = copy_.find(name);
  if (found != copy_.end()) return found->second;
  return copy_.emplace(name, read(name)).first->second;
}

std::optional<QueueRecord> Catalog::first(Rows rows) {
  return rows.next() ? std::optional(record_of(rows)) : std::nullopt;
}

QueueRecord Catalog::read(const std::string& name) {
  auto queue = first(by_name_.query(name));
  if (!queue) not_found(name);
  return std::move(*queue);
}

std::optional<QueueRecord> Catalog::find_if_there(const std::string& name) {
  return first(by_name_.query(name));
}

std::optional<QueueRecord> Catalog::read_number(std::uint32_t number) {
  return first(by_number_.query(number));
}

std::vector<QueueRecord> Catalog::read_all() {
  Statement statement = database_.prepare(select_where("true ORDER BY name"), Database::Use::once);
  Rows rows = statement.query();
  std::vector<QueueRecord> queues;
  while (rows.next()) queues.push_back(record_of(rows));
  return queues;
}

void Catalog::insert(const QueueRecord& queue) {
  const QueueAttributes& a = queue.attributes;
  Statement statement =
      database_.prepare(std::string("INSERT INTO queue (") + kColumns +
                            ", counted) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0)",
                        Database::Use::once);
  if (first(by_name_.query(queue.name))) {
    throw Error(ErrorCode::already_exists, "queue " + queue.name + " is in the library already");
  }
  statement.run(queue.number, queue.incarnation, queue.name, name_of(a.sequence), a.max_length, a.key_length,
                a.max_entries, a.sender_id, a.force, a.text, a.max_deliveries, a.dead_letter);
}

void Catalog::remove(const QueueRecord& queue) {
  const std::int64_t begin = entry_id(queue.number, 0);
  const std::int64_t end = entry_id(queue.number + 1, 0);
  const auto run = [&](const char* sql, auto... values) { database_.prepare(sql, Database::Use::once).run(values...); };
  run("DELETE FROM entry WHERE id >= ?1 AND id < ?2", begin, end);
  run("DELETE FROM keyed_entry WHERE queue = ?1", queue.number);
  run("DELETE FROM lease WHERE queue = ?1", queue.number);
  run("DELETE FROM queue WHERE number = ?1", queue.number);
}

std::uint32_t Catalog::free_number() {
  const auto next = database_.value_of<std::uint32_t>("SELECT ifnull(max(number), 0) + 1 FROM queue");
  if (next <= kMaxQueues) return next;
  const auto gap = database_.value_of<std::uint32_t>(
      "SELECT ifnull(min(number), 0) FROM (SELECT 1 AS number UNION ALL SELECT number + 1 FROM queue) "
      "WHERE number NOT IN (SELECT number FROM queue) AND number <= " +
      std::to_string(kMaxQueues));
  if (gap == 0) throw Error(ErrorCode::disk_full, "the library holds 131,071 queues, the most it can");
  return gap;
}

bool Catalog::add_to_count(std::uint32_t queue, std::int64_t entries) {
  count_.run(queue, entries);
  return database_.changes() == 1;
}

void Catalog::count_in(std::uint32_t queue) {
  database_.prepare("UPDATE queue SET counted = counted + 1 WHERE number = ?1", Database::Use::once).run(queue);
}

}  // namespace usher
