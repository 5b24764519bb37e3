// Rules 21 and 25, and other tables in a library's file.
#include <doctest/doctest.h>
#include <sys/syscall.h>

#include "dataqueue/library_transaction.h"
#include "tests/dataqueue/support.h"

using namespace usher;
using namespace usher::testing;

namespace {

constexpr ClientSchema kJobs{"test-jobs", 1, R"(
CREATE TABLE job (id BLOB PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX job_state ON job (state);
)"};

struct Fixture {
  TemporaryDirectory directory;
  std::shared_ptr<LibraryState> state =
      open_library(directory.path("work.db"), {.how = {.create = true}, .clients = {kJobs}});
  Library library{state};
  DataQueue in = library.create_queue("IN");
  DataQueue out = library.create_queue("OUT");
  Messages heard;

  std::string states() {
    return read_library(library, [](Database& database) {
      std::string all;
      Statement statement = database.prepare("SELECT state FROM job ORDER BY id");
      for (Rows rows = statement.query(); rows.next();) all += rows.get<std::string>(0) + " ";
      return all;
    });
  }
};

bool waits_for_lock(pid_t pid) {
  return read_file("/proc/" + std::to_string(pid) + "/syscall").starts_with(std::to_string(SYS_futex) + " ");
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "rule 21: a receive and sends to several queues happen together or not at all") {
  in.send("one");
  {
    Transaction transaction(library);
    CHECK(data_of(transaction.receive(in)) == "one");
    transaction.send(out, "from one");
    CHECK_FALSE(transaction.receive(in));
  }
  CHECK(in.describe().entries == 1);
  CHECK(out.describe().entries == 0);
  Transaction transaction(library);
  const auto entry = transaction.receive(in);
  REQUIRE(entry);
  transaction.send(out, entry->data + " done");
  transaction.commit();
  CHECK_FALSE(in.receive());
  CHECK(data_of(out.receive()) == "one done");
}

TEST_CASE_FIXTURE(Fixture, "rule 21: an error in a transaction leaves what is committed before it, and nothing of it") {
  DataQueue small = library.create_queue("SMALL", {.max_entries = 2});
  small.send("1");
  {
    Transaction transaction(library);
    transaction.send(small, "2");
    CHECK_ERROR(transaction.send(small, "3"), queue_full);
  }
  CHECK(small.describe().entries == 1);
  small.send("2");
  CHECK_ERROR(small.send("3"), queue_full);
}

TEST_CASE_FIXTURE(Fixture, "rule 21: receivers wait for the commit of what is sent in a transaction") {
  Child receiver([&] { heard.say(data_of(out.receive(Wait::for_ever()))); });
  REQUIRE(waiting(out, 1));
  {
    Transaction transaction(library);
    transaction.send(out, "rolled back");
  }
  Transaction transaction(library);
  transaction.send(out, "1");
  transaction.send(out, "2");
  CHECK(heard.hear(20ms) == "(nothing)");
  transaction.commit();
  CHECK(heard.hear() == "1");
  CHECK(data_of(out.receive()) == "2");
}

TEST_CASE_FIXTURE(Fixture, "rule 24: who gets no turn in time is busy, in this thread or in another process") {
  Messages go;
  Child other([&] {
    Library own(directory.path("work.db"));
    DataQueue same = own.queue("IN");
    (void)go.hear();
    heard.say(std::to_string(code_of([&] { (void)same.receive(100ms); })));
    heard.say(std::to_string(code_of([&] { Transaction second(own, 50ms); })));
  });
  Transaction transaction(library);
  CHECK_ERROR(in.send("x"), invalid_argument);
  go.say("go");
  CHECK(heard.hear() == std::to_string(static_cast<int>(ErrorCode::busy)));
  CHECK(heard.hear() == std::to_string(static_cast<int>(ErrorCode::busy)));
}

TEST_CASE_FIXTURE(Fixture, "rule 24: turns come in order of arrival") {
  const std::string names = "abcde";
  std::array<Messages, 5> go;
  std::vector<Child> senders;
  for (std::size_t i = 0; i < names.size(); ++i) {
    senders.emplace_back([&, i] {
      Library own(directory.path("work.db"));
      DataQueue same = own.queue("IN");
      heard.say("ready");
      (void)go[i].hear();
      same.send(names.substr(i, 1));
    });
    REQUIRE(heard.hear() == "ready");
  }
  {
    const Transaction transaction(library);
    for (std::size_t i = 0; i < names.size(); ++i) {
      go[i].say("go");
      REQUIRE(wait_until([&] { return waits_for_lock(senders[i].pid()); }));
    }
  }
  for (Child& sender : senders) CHECK(sender.wait() == 0);
  std::string order;
  while (auto entry = in.receive()) order += entry->data;
  CHECK(order == names);
}

TEST_CASE_FIXTURE(Fixture, "rule 24: who takes one turn after the other leaves turns to others") {
  std::vector<Child> hogs;
  for (int i = 0; i < 3; ++i) {
    hogs.emplace_back([this] {
      for (;;) in.send("x");
    });
  }
  REQUIRE(wait_until([&] { return in.describe().entries > 10; }));
  for (int i = 0; i < 20; ++i) CHECK(code_of([&] { Transaction turn(library, 5s); }) == 0);
}

TEST_CASE_FIXTURE(Fixture, "a queue and other tables of the file change in one transaction") {
  {
    Transaction transaction(library);
    Statement insert = database_of(transaction).prepare("INSERT INTO job VALUES (?1, ?2)");
    insert.run(Blob{"a"}, "ready");
    insert.run(Blob{"b"}, "ready");
    transaction.send(in, "a");
    transaction.send(in, "b");
    transaction.commit();
  }
  CHECK(states() == "ready ready ");
  const auto assign = [&](bool commit) {
    Transaction transaction(library);
    const auto id = transaction.receive(in);
    REQUIRE(id);
    database_of(transaction).prepare("UPDATE job SET state = 'assigned' WHERE id = ?1").run(Blob{id->data});
    if (commit) transaction.commit();
  };
  assign(false);
  CHECK(states() == "ready ready ");
  assign(true);
  CHECK(states() == "assigned ready ");
  CHECK(in.describe().entries == 1);
}

TEST_CASE_FIXTURE(Fixture,
                  "a file with other tables can be opened by who knows them not, or in another version not at all") {
  Library plain(directory.path("work.db"));
  CHECK(plain.queues().size() == 2);
  ClientSchema newer = kJobs;
  newer.version = 2;
  CHECK_ERROR(open_library(directory.path("work.db"), {.how = {}, .clients = {newer}}), wrong_version);
  ClientSchema other = kJobs;
  other.sql = "CREATE TABLE job (id BLOB PRIMARY KEY, state TEXT) WITHOUT ROWID;";
  CHECK_ERROR(open_library(directory.path("work.db"), {.how = {}, .clients = {other}}), damaged);
  CHECK_NOTHROW(open_library(directory.path("work.db"), {.how = {}, .clients = {kJobs}}));
}

TEST_CASE_FIXTURE(Fixture,
                  "rule 1: a stranger's trigger, view or table in the file is refused, and so is a newer layout") {
  const std::string path = directory.path("other.db");
  const auto refused = [&](const char* sql, ErrorCode code) {
    std::filesystem::remove(path);
    std::filesystem::remove(path + "-sidecar");
    { const Library made(path, {.create = true}); }
    Database database = Database::open(path, {});
    database.execute(sql);
    const bool same = code_of([&] { Library again(path); }) == static_cast<int>(code);
    return same;
  };
  CHECK(refused("CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM queue; END", ErrorCode::damaged));
  CHECK(refused("CREATE TABLE x (y)", ErrorCode::damaged));
  CHECK(refused("DROP TABLE lease", ErrorCode::damaged));
  CHECK(
      refused("INSERT INTO client_object VALUES ('t', 's', 1); "
              "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM queue; END",
              ErrorCode::damaged));
  CHECK(refused("PRAGMA user_version = 2", ErrorCode::wrong_version));
  CHECK(refused("PRAGMA application_id = 7", ErrorCode::damaged));
}

TEST_CASE_FIXTURE(Fixture,
                  "rule 25: a child of the process that opened a library uses it by itself, and so does the parent") {
  in.send("before");
  for (int i = 0; i < 5; ++i) {
    Child child([&] {
      in.send("from the child");
      out.send(data_of(in.receive()));
    });
    in.send("from the parent");
    CHECK(child.wait() == 0);
  }
  CHECK(in.describe().entries == 6);
  CHECK(out.describe().entries == 5);
  const auto check =
      read_library(library, [](Database& d) { return d.value_of<std::string>("PRAGMA integrity_check"); });
  CHECK(check == "ok");
}

TEST_CASE_FIXTURE(Fixture,
                  "rule 25: a fork inside a transaction leaves the parent's whole and the child without the library") {
  {
    Transaction transaction(library);
    transaction.send(in, "one");
    Child child([&] {
      heard.say(std::to_string(code_of([&] { out.send("x"); })));
      heard.say(std::to_string(code_of([&] { Library own(directory.path("work.db")); })));
    });
    CHECK(heard.hear() == std::to_string(static_cast<int>(ErrorCode::io)));
    CHECK(heard.hear() == std::to_string(static_cast<int>(ErrorCode::io)));
    CHECK(child.wait() == 0);
    transaction.commit();
  }
  CHECK(data_of(in.receive()) == "one");
}

TEST_CASE_FIXTURE(Fixture, "a library whose file is removed or replaced says so, and its waiters are told") {
  Child receiver([&] { heard.say(std::to_string(code_of([&] { (void)in.receive(Wait::for_ever()); }))); });
  REQUIRE(waiting(in, 1));
  const std::string path = directory.path("work.db");
  std::filesystem::remove(path);  // its log stays, and must not be taken for the new file's
  Library fresh(path, {.create = true});
  fresh.create_queue("IN").send("new");
  CHECK(heard.hear() == std::to_string(static_cast<int>(ErrorCode::library_not_found)));
  CHECK(wait_until([&] { return code_of([&] { in.send("x"); }) == static_cast<int>(ErrorCode::library_not_found); }));
  DataQueue again = fresh.queue("IN");
  CHECK(data_of(again.receive()) == "new");
}
