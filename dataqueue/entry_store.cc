#include "dataqueue/entry_store.h"

#include <algorithm>

#include "dataqueue/entry_time.h"
#include "dataqueue/schema.h"

namespace usher {
namespace {

// One set of columns for both tables, so that one function reads them.
constexpr const char* kEntry =
    "SELECT id & 0x3FFFFFFFFFFF, x'', data, enqueued, sender_job, sender_user, deliveries FROM entry WHERE ";
constexpr const char* kKeyed =
    "SELECT number, key, data, enqueued, sender_job, sender_user, deliveries FROM keyed_entry WHERE queue = ?1 AND ";

static_assert(((std::uint64_t{1} << kNumberBits) - 1) == 0x3FFFFFFFFFFF);

constexpr std::array<const char*, 6> kOperators{"=", "<>", "<", "<=", ">", ">="};

const char* operator_for(KeyOrder order) {
  return kOperators.at(static_cast<std::size_t>(order));
}

std::optional<std::string_view> job_of(const Entry& entry) {
  return entry.sender ? std::optional<std::string_view>(entry.sender->job) : std::nullopt;
}
std::optional<std::string_view> user_of(const Entry& entry) {
  return entry.sender ? std::optional<std::string_view>(entry.sender->current_user) : std::nullopt;
}

}  // namespace

Entry entry_of(const Rows& row, std::size_t limit) {
  Entry entry;
  entry.number = row.get<std::uint64_t>(0);
  entry.key = row.get<std::string_view>(1);
  const auto data = row.get<std::string_view>(2);
  entry.length = data.size();
  entry.data = data.substr(0, limit);
  entry.enqueued = time_of(row.get<std::int64_t>(3));
  if (!row.is_null(4)) entry.sender = Sender{row.get<std::string>(4), row.get<std::string>(5)};
  entry.deliveries = row.get<std::uint32_t>(6);
  return entry;
}

EntryPlace place_of(const QueueRecord& queue, const Entry& entry) {
  return {queue.number, entry.number, entry.key};
}

EntryStore::EntryStore(Database& database)
    : database_(database),
      insert_(database.prepare("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6)")),
      insert_keyed_(database.prepare("INSERT INTO keyed_entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")),
      oldest_(database.prepare(std::string(kEntry) + "id >= ?1 AND id < ?2 ORDER BY id")),
      newest_(database.prepare(std::string(kEntry) + "id >= ?1 AND id < ?2 ORDER BY id DESC")),
      at_(database.prepare(std::string(kEntry) + "id = ?1")),
      at_keyed_(database.prepare(std::string(kKeyed) + "key = ?2 AND number = ?3")),
      any_(database.prepare("SELECT 1 FROM entry WHERE id >= ?1 AND id < ?2 LIMIT 1")),
      any_keyed_(database.prepare("SELECT 1 FROM keyed_entry WHERE queue = ?1 LIMIT 1")),
      remove_(database.prepare("DELETE FROM entry WHERE id = ?1")),
      remove_keyed_(database.prepare("DELETE FROM keyed_entry WHERE queue = ?1 AND key = ?2 AND number = ?3")) {}

void EntryStore::insert(const QueueRecord& queue, const Entry& entry) {
  const std::int64_t enqueued = microseconds_of(entry.enqueued);
  if (queue.is_keyed()) {
    insert_keyed_.run(queue.number, Blob{entry.key}, entry.number, Blob{entry.data}, enqueued, job_of(entry),
                      user_of(entry), entry.deliveries);
  } else {
    insert_.run(entry_id(queue.number, entry.number), Blob{entry.data}, enqueued, job_of(entry), user_of(entry),
                entry.deliveries);
  }
}

Statement& EntryStore::keyed_statement(KeyOrder order) {
  Statement& statement = keyed_.at(static_cast<std::size_t>(order));
  if (!statement) {
    statement = database_.prepare(std::string(kKeyed) + "key " + operator_for(order) + " ?2 ORDER BY key, number");
  }
  return statement;
}

std::optional<Entry> EntryStore::first_free(Rows rows, const Reserved& reserved, std::size_t limit) {
  while (rows.next()) {
    if (std::find(reserved.begin(), reserved.end(), rows.get<std::uint64_t>(0)) == reserved.end()) {
      return entry_of(rows, limit);
    }
  }
  return std::nullopt;
}

std::optional<Entry> EntryStore::first(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                                       const Reserved& reserved, std::size_t limit) {
  if (!which) {
    Statement& statement = queue.attributes.sequence == Sequence::lifo ? newest_ : oldest_;
    return first_free(statement.query(entry_id(queue.number, 0), entry_id(queue.number + 1, 0)), reserved, limit);
  }
  const auto search = [&](KeyOrder order) {
    return first_free(keyed_statement(order).query(queue.number, Blob{which->key}), reserved, limit);
  };
  if (which->order != KeyOrder::ne) return search(which->order);
  auto lower = search(KeyOrder::lt);  // two searches, so that any number of equal keys costs nothing
  return lower ? std::move(lower) : search(KeyOrder::gt);
}

std::optional<Entry> EntryStore::at(const EntryPlace& place, std::size_t limit) {
  Rows rows = place.is_keyed() ? at_keyed_.query(place.queue, Blob{place.key}, place.number)
                               : at_.query(entry_id(place.queue, place.number));
  return rows.next() ? std::optional(entry_of(rows, limit)) : std::nullopt;
}

void EntryStore::remove(const EntryPlace& place) {
  if (place.is_keyed())
    remove_keyed_.run(place.queue, Blob{place.key}, place.number);
  else
    remove_.run(entry_id(place.queue, place.number));
}

std::vector<Entry> EntryStore::list(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                                    const Listing& what) {
  const bool backwards = what.reverse != (queue.attributes.sequence == Sequence::lifo);
  const std::string direction = backwards ? " DESC" : "";
  const std::string relation = which ? std::string("key ") + operator_for(which->order) + " ?2" : "?2 IS NOT NULL";
  Statement statement =
      database_.prepare(queue.is_keyed() ? kKeyed + relation + " ORDER BY key" + direction + ", number" + direction
                                         : std::string(kEntry) + "id >= ?1 AND id < ?2 ORDER BY id" + direction,
                        Database::Use::once);
  Rows rows = queue.is_keyed() ? statement.query(queue.number, Blob{which ? which->key : std::string_view()})
                               : statement.query(entry_id(queue.number, 0), entry_id(queue.number + 1, 0));
  std::vector<Entry> entries;
  while (entries.size() < what.most && rows.next()) entries.push_back(entry_of(rows, what.limit));
  return entries;
}

std::vector<Entry> EntryStore::since(const QueueRecord& queue, std::uint64_t number) {
  Statement statement = database_.prepare(queue.is_keyed() ? std::string(kKeyed) + "number > ?2 ORDER BY number"
                                                           : std::string(kEntry) + "id > ?1 AND id < ?2 ORDER BY id",
                                          Database::Use::once);
  Rows rows = queue.is_keyed() ? statement.query(queue.number, number)
                               : statement.query(entry_id(queue.number, number), entry_id(queue.number + 1, 0));
  std::vector<Entry> entries;
  while (rows.next()) entries.push_back(entry_of(rows, kWholeEntry));
  return entries;
}

bool EntryStore::is_empty(const QueueRecord& queue) {
  if (queue.is_keyed()) return !any_keyed_.query(queue.number).next();
  return !any_.query(entry_id(queue.number, 0), entry_id(queue.number + 1, 0)).next();
}

std::uint64_t EntryStore::clear(const QueueRecord& queue, const std::optional<KeyCondition>& which) {
  if (!queue.is_keyed()) {
    database_.prepare("DELETE FROM entry WHERE id >= ?1 AND id < ?2", Database::Use::once)
        .run(entry_id(queue.number, 0), entry_id(queue.number + 1, 0));
  } else if (!which) {
    database_.prepare("DELETE FROM keyed_entry WHERE queue = ?1", Database::Use::once).run(queue.number);
  } else {
    const std::string sql =
        std::string("DELETE FROM keyed_entry WHERE queue = ?1 AND key ") + operator_for(which->order) + " ?2";
    database_.prepare(sql, Database::Use::once).run(queue.number, Blob{which->key});
  }
  return static_cast<std::uint64_t>(database_.changes());
}

EntryStore::Totals EntryStore::totals(const QueueRecord& queue) {
  Statement statement = database_.prepare(
      queue.is_keyed()
          ? "SELECT count(*), ifnull(sum(length(data) + length(key)), 0), min(enqueued) FROM keyed_entry "
            "WHERE queue >= ?1 AND queue < ?2"
          : "SELECT count(*), ifnull(sum(length(data)), 0), min(enqueued) FROM entry WHERE id >= ?1 AND id < ?2",
      Database::Use::once);
  const auto bound = [&](std::uint32_t number) {
    return queue.is_keyed() ? std::int64_t{number} : entry_id(number, 0);
  };
  Rows rows = statement.query(bound(queue.number), bound(queue.number + 1));
  rows.next();
  Totals totals{rows.get<std::uint64_t>(0), rows.get<std::uint64_t>(1), std::nullopt};
  if (const auto oldest = rows.get<std::optional<std::int64_t>>(2)) totals.oldest = time_of(*oldest);
  return totals;
}

}  // namespace usher
