#include "dataqueue/lease_store.h"

#include "dataqueue/entry_store.h"
#include "dataqueue/entry_time.h"

namespace usher {
namespace {

// The first columns are those that entry_of() reads.
constexpr const char* kColumns =
    "entry, key, data, enqueued, sender_job, sender_user, deliveries, number, queue, epoch, holder, pid";

std::string select_where(const char* condition) {
  return std::string("SELECT ") + kColumns + " FROM lease WHERE " + condition;
}

Holder holder_at(const Rows& row, int column) {
  return {row.get<std::uint64_t>(column), row.get<std::uint64_t>(column + 1), row.get<std::int32_t>(column + 2)};
}

std::vector<Holder> all_of(Rows rows) {
  std::vector<Holder> holders;
  while (rows.next()) holders.push_back(holder_at(rows, 0));
  return holders;
}

}  // namespace

LeaseStore::LeaseStore(Database& database)
    : database_(database),
      insert_(database.prepare(std::string("INSERT INTO lease (") + kColumns +
                               ", since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")),
      find_(database.prepare(select_where("number = ?1"))),
      remove_(database.prepare("DELETE FROM lease WHERE number = ?1")),
      holders_(database.prepare("SELECT DISTINCT epoch, holder, pid FROM lease WHERE ?1 = 0 OR queue = ?1")),
      of_(database.prepare(select_where("epoch = ?1 AND holder = ?2 ORDER BY entry"))),
      count_(database.prepare("SELECT count(*) FROM lease WHERE queue = ?1")) {}

void LeaseStore::insert(const LeasedEntry& leased) {
  const Entry& entry = leased.entry;
  const auto sender = [&](std::string Sender::*part) {
    return entry.sender ? std::optional<std::string_view>((*entry.sender).*part) : std::nullopt;
  };
  insert_.run(entry.number, Blob{entry.key}, Blob{entry.data}, microseconds_of(entry.enqueued), sender(&Sender::job),
              sender(&Sender::current_user), entry.deliveries, leased.lease, leased.queue, leased.holder.epoch,
              leased.holder.incarnation, leased.holder.pid, microseconds_of(std::chrono::system_clock::now()));
}

LeasedEntry LeaseStore::leased_of(const Rows& row) {
  return {row.get<std::uint64_t>(7), row.get<std::uint32_t>(8), entry_of(row, kWholeEntry), holder_at(row, 9)};
}

std::optional<LeasedEntry> LeaseStore::find(std::uint64_t lease) {
  Rows rows = find_.query(lease);
  return rows.next() ? std::optional(leased_of(rows)) : std::nullopt;
}

bool LeaseStore::remove(std::uint64_t lease) {
  remove_.run(lease);
  return database_.changes() == 1;
}

std::vector<Holder> LeaseStore::holders() {
  return all_of(holders_.query(0));
}

std::vector<LeasedEntry> LeaseStore::of(const Holder& holder) {
  std::vector<LeasedEntry> all;
  for (Rows rows = of_.query(holder.epoch, holder.incarnation); rows.next();) all.push_back(leased_of(rows));
  return all;
}

LeaseStore::OfQueue LeaseStore::of_queue(std::uint32_t queue) {
  Rows rows = count_.query(queue);
  rows.next();
  return {rows.get<std::uint64_t>(0), all_of(holders_.query(queue))};
}

}  // namespace usher
