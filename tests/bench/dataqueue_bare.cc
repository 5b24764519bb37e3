#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>

#include "dataqueue/sqlite.h"
#include "tests/bench/dataqueue_peers.h"

namespace usher::bench {
namespace {

struct Shared {
  pthread_mutex_t mutex;
  std::atomic<std::uint32_t> sent[2];
  std::atomic<std::uint32_t> sleepers[2];
};

class Lock {
 public:
  explicit Lock(pthread_mutex_t& mutex) : mutex_(mutex) { pthread_mutex_lock(&mutex_); }
  ~Lock() { pthread_mutex_unlock(&mutex_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  pthread_mutex_t& mutex_;
};

constexpr const char* kTables[2] = {"q0", "q1"};

Database open_database(const std::string& path, Disk disk) {
  Database database = Database::open(path, {.create = true});
  database.set_busy_deadline(Clock::now() + std::chrono::hours(1));
  database.execute("PRAGMA journal_mode = WAL");
  database.execute(disk == Disk::forced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  database.execute("PRAGMA wal_autocheckpoint = 1000");
  return database;
}

class BareClient final : public Client {
 public:
  BareClient(const std::string& path, Disk disk, Shared& shared)
      : shared_(shared), database_(open_database(path, disk)) {
    for (int i = 0; i < 2; ++i) {
      const std::string table = kTables[i];
      insert_[i] = database_.prepare("INSERT INTO " + table + " (data) VALUES (?1)");
      first_[i] = database_.prepare("SELECT id, data FROM " + table + " ORDER BY id LIMIT 1");
      remove_[i] = database_.prepare("DELETE FROM " + table + " WHERE id = ?1");
    }
  }
  void send(int queue, std::string_view data) override {
    {
      const Lock lock(shared_.mutex);
      ImmediateTransaction transaction(database_);
      insert_[queue].run(Blob{data});
      transaction.commit();
    }
    shared_.sent[queue].fetch_add(1);
    if (shared_.sleepers[queue].load() != 0) syscall(SYS_futex, &shared_.sent[queue], FUTEX_WAKE, 1);
  }
  bool try_receive(int queue) override {
    const Lock lock(shared_.mutex);
    ImmediateTransaction transaction(database_);
    std::int64_t id = 0;
    {
      Rows rows = first_[queue].query();
      if (!rows.next()) return false;
      id = rows.get<std::int64_t>(0);
      data_ = rows.get<std::string_view>(1);
    }
    remove_[queue].run(id);
    transaction.commit();
    return true;
  }
  void receive(int queue) override {
    while (true) {
      const std::uint32_t seen = shared_.sent[queue].load();
      if (try_receive(queue)) return;
      if (spin(queue, seen)) continue;
      shared_.sleepers[queue].fetch_add(1);
      syscall(SYS_futex, &shared_.sent[queue], FUTEX_WAIT, seen, nullptr);
      shared_.sleepers[queue].fetch_sub(1);
    }
  }

 private:
  bool spin(int queue, std::uint32_t seen) {
    const auto end = Clock::now() + std::chrono::microseconds(50);
    while (Clock::now() < end) {
      if (shared_.sent[queue].load() != seen) return true;
    }
    return false;
  }

  Shared& shared_;
  Database database_;
  Statement insert_[2], first_[2], remove_[2];
  std::string data_;
};

class Bare final : public Peer {
 public:
  Bare(const std::string& directory, Disk disk)
      : path_(directory + "/bare.db"),
        disk_(disk),
        shared_(::new (::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
                    Shared{}) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared_->mutex, &attributes);
    Database database = open_database(path_, disk);
    for (const char* table : kTables) {
      database.execute(std::string("CREATE TABLE ") + table + " (id INTEGER PRIMARY KEY, data BLOB)");
    }
  }
  ~Bare() override { ::munmap(shared_, sizeof(Shared)); }
  std::string name() const override { return disk_ == Disk::forced ? "SQLite synchronous=FULL" : "bare SQLite loop"; }
  std::unique_ptr<Client> connect() override { return std::make_unique<BareClient>(path_, disk_, *shared_); }

 private:
  std::string path_;
  Disk disk_;
  Shared* shared_;
};

}  // namespace

std::unique_ptr<Peer> make_bare(const std::string& directory, Disk disk) {
  return std::make_unique<Bare>(directory, disk);
}

}  // namespace usher::bench
