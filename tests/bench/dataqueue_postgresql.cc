// PostgreSQL over its unix socket: INSERT with NOTIFY in one statement and so in one round trip; DELETE of the first
// row that nobody has locked (SKIP LOCKED); LISTEN where a receiver waits.
//
// A queue whose receivers wait without polling needs the NOTIFY with every send, as ours wakes who waits with every
// send. Without it a send is cheaper, because commits that notify come one after the other: that is measured, too.
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "tests/bench/dataqueue_peers.h"

namespace usher::bench {
namespace {

std::string program(const std::string& name) {
  for (const char* version : {"17", "16", "15", "14"}) {
    std::string path = std::string("/usr/lib/postgresql/") + version + "/bin/" + name;
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

// The server refuses to run as root.
void become_postgres() {
  if (::geteuid() != 0) return;
  const passwd* account = getpwnam("postgres");
  if (account == nullptr || ::setgid(account->pw_gid) != 0 || ::setuid(account->pw_uid) != 0) ::_exit(126);
}

template <class Execute>
pid_t spawn(Execute execute) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(127);
  if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(127);
  become_postgres();
  execute();
  ::_exit(127);
}

void check(PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  const std::string error = PQresultErrorMessage(result);
  PQclear(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error("postgresql: " + error);
}

constexpr const char* kTables[2] = {"q0", "q1"};
constexpr const char* kSend[2] = {"send0", "send1"};
constexpr const char* kReceive[2] = {"receive0", "receive1"};

std::string insert_into(const char* table, WakeUp wake_up) {
  const std::string insert = std::string("INSERT INTO ") + table + " (data) VALUES ($1)";
  if (wake_up == WakeUp::no) return insert;
  return "WITH sent AS (" + insert + ") SELECT pg_notify('" + table + "', '')";
}

std::string delete_first_of(const char* table) {
  std::string sql = std::string("DELETE FROM ") + table + " WHERE id = (SELECT id FROM ";
  sql += table;
  return sql + " ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING data";
}

class PostgresqlClient final : public Client {
 public:
  PostgresqlClient(const std::string& directory, Disk disk, WakeUp wake_up)
      : connection_(PQconnectdb(("host=" + directory + " user=bench dbname=postgres").c_str())) {
    check(PQexec(connection_, disk == Disk::forced ? "SET synchronous_commit = on" : "SET synchronous_commit = off"));
    for (int i = 0; i < 2; ++i) {
      check(PQprepare(connection_, kSend[i], insert_into(kTables[i], wake_up).c_str(), 1, nullptr));
      check(PQprepare(connection_, kReceive[i], delete_first_of(kTables[i]).c_str(), 0, nullptr));
    }
  }
  ~PostgresqlClient() override { PQfinish(connection_); }
  PostgresqlClient(const PostgresqlClient&) = delete;
  PostgresqlClient& operator=(const PostgresqlClient&) = delete;

  void send(int queue, std::string_view data) override {
    const char* values[] = {data.data()};
    const int lengths[] = {static_cast<int>(data.size())};
    const int formats[] = {1};
    check(PQexecPrepared(connection_, kSend[queue], 1, values, lengths, formats, 1));
  }
  bool try_receive(int queue) override {
    PGresult* result = PQexecPrepared(connection_, kReceive[queue], 0, nullptr, nullptr, nullptr, 1);
    const bool found = PQntuples(result) == 1;
    check(result);
    return found;
  }
  void receive(int queue) override {
    while (!try_receive(queue)) wait_for_notification(queue);
  }

 private:
  // What came before LISTEN, or with the reply to another command, has been notified already.
  void wait_for_notification(int queue) {
    if (!listens_[queue]) {
      check(PQexec(connection_, (std::string("LISTEN ") + kTables[queue]).c_str()));
      listens_[queue] = true;
      return;
    }
    while (!take_notifications()) {
      pollfd readable{PQsocket(connection_), POLLIN, 0};
      ::poll(&readable, 1, -1);
      if (PQconsumeInput(connection_) == 0) throw std::runtime_error(PQerrorMessage(connection_));
    }
  }
  bool take_notifications() {
    bool found = false;
    while (PGnotify* notification = PQnotifies(connection_)) {
      PQfreemem(notification);
      found = true;
    }
    return found;
  }

  PGconn* connection_;
  bool listens_[2] = {};
};

class Postgresql final : public Peer {
 public:
  Postgresql(const std::string& directory, Disk disk, WakeUp wake_up)
      : directory_(directory + "/postgresql"), disk_(disk), wake_up_(wake_up) {
    std::filesystem::create_directories(directory_);
    if (::geteuid() == 0) {
      const passwd* account = getpwnam("postgres");
      if (::chown(directory_.c_str(), account->pw_uid, account->pw_gid) != 0) throw std::runtime_error("chown");
    }
    const std::string initdb = program("initdb");
    const std::string data = directory_ + "/data";
    const pid_t pid =
        spawn([&] { ::execl(initdb.c_str(), "initdb", "-D", data.c_str(), "-U", "bench", "-A", "trust", nullptr); });
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (status != 0) throw std::runtime_error("initdb failed");
    const std::string server = program("postgres");
    server_ = spawn([&] {
      ::execl(server.c_str(), "postgres", "-D", data.c_str(), "-k", directory_.c_str(), "-c",
              "listen_addresses=", nullptr);
    });
    make_tables();
  }
  ~Postgresql() override {
    ::kill(server_, SIGINT);
    ::waitpid(server_, nullptr, 0);
  }
  std::string name() const override {
    const std::string commit = disk_ == Disk::forced ? "synchronous_commit on" : "synchronous_commit off";
    return "PostgreSQL, " + commit + (wake_up_ == WakeUp::yes ? "" : ", no NOTIFY");
  }
  std::unique_ptr<Client> connect() override { return std::make_unique<PostgresqlClient>(directory_, disk_, wake_up_); }

 private:
  void make_tables() const {
    for (int i = 0; i < 500; ++i) {
      PGconn* connection = PQconnectdb(("host=" + directory_ + " user=bench dbname=postgres").c_str());
      const bool open = PQstatus(connection) == CONNECTION_OK;
      if (open)
        check(PQexec(connection,
                     "CREATE TABLE q0 (id bigserial PRIMARY KEY, data bytea); "
                     "CREATE TABLE q1 (id bigserial PRIMARY KEY, data bytea)"));
      PQfinish(connection);
      if (open) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    throw std::runtime_error("postgresql did not start");
  }

  std::string directory_;
  Disk disk_;
  WakeUp wake_up_;
  pid_t server_ = -1;
};

}  // namespace

std::unique_ptr<Peer> make_postgresql(const std::string& directory, Disk disk, WakeUp wake_up) {
  if (program("postgres").empty()) return nullptr;
  return std::make_unique<Postgresql>(directory, disk, wake_up);
}

}  // namespace usher::bench
