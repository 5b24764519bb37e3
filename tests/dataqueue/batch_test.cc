// Rules 18, 19, 21: lists, views, batches.
#include <doctest/doctest.h>

#include "dataqueue/library_transaction.h"
#include "tests/dataqueue/support.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  Library library{directory.path("work.db"), {.create = true}};
  Messages heard;

  std::string select(const std::string& sql) {
    return read_library(library, [&](Database& database) {
      std::string all;
      Statement statement = database.prepare(sql, Database::Use::once);
      for (Rows rows = statement.query(); rows.next(); all += "\n") {
        for (int i = 0; i < rows.columns(); ++i) {
          all += (i == 0 ? "" : "|") + (rows.is_null(i) ? std::string("null") : rows.get<std::string>(i));
        }
      }
      return all;
    });
  }
};

std::string joined(const std::vector<Entry>& entries) {
  std::string all;
  for (const Entry& entry : entries) all += entry.data + " ";
  return all;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "rule 21: a batch is sent whole or not at all, and received in order") {
  DataQueue queue = library.create_queue("Q", {.max_length = 3});
  queue.send_batch({{"1"}, {"2"}, {"3"}});
  CHECK_ERROR(queue.send_batch({{"4"}, {"too long"}}), too_long);
  CHECK(joined(queue.receive_batch(2)) == "1 2 ");
  CHECK(joined(queue.receive_batch(10)) == "3 ");
  CHECK(queue.receive_batch(10).empty());
  CHECK_ERROR(queue.receive_batch(0), invalid_argument);
  queue.send_batch({});
}

TEST_CASE_FIXTURE(Fixture, "rule 21: a batch for several waiters goes to them in order of arrival") {
  DataQueue queue = library.create_queue("Q");
  Child first([&] { heard.say("first " + joined(queue.receive_batch(10, Wait::for_ever()))); });
  REQUIRE(waiting(queue, 1));
  Child second([&] { heard.say("second " + data_of(queue.receive(Wait::for_ever()))); });
  REQUIRE(waiting(queue, 2));
  first.stop();
  second.stop();
  queue.send_batch({{"1"}, {"2"}, {"3"}});
  first.send_signal(SIGCONT);
  CHECK(heard.hear() == "first 1 3 ");  // 2 is kept for the second
  second.send_signal(SIGCONT);
  CHECK(heard.hear() == "second 2");
}

TEST_CASE_FIXTURE(Fixture, "rule 21: a keyed batch") {
  DataQueue queue = library.create_queue("K", {.sequence = Sequence::keyed, .key_length = 1});
  queue.send_batch({{"b", Key::bytes("B")}, {"a", Key::bytes("A")}, {"c", Key::bytes("C")}});
  CHECK(joined(queue.receive_batch({KeyOrder::le, Key::bytes("B")}, 10)) == "a b ");
}

TEST_CASE_FIXTURE(Fixture, "rule 18: entries are listed in their order, in reverse, by key, and cut") {
  DataQueue fifo = library.create_queue("F", {.sender_id = true});
  DataQueue lifo = library.create_queue("L", {.sequence = Sequence::lifo});
  DataQueue keyed = library.create_queue("K", {.sequence = Sequence::keyed, .key_length = 1});
  for (const char* data : {"b1", "a2", "c3"}) {
    fifo.send(data);
    lifo.send(data);
    keyed.send(data, Key::bytes(std::string(data, 1)));
  }
  CHECK(joined(fifo.list()) == "b1 a2 c3 ");
  CHECK(joined(lifo.list()) == "c3 a2 b1 ");
  CHECK(joined(keyed.list()) == "a2 b1 c3 ");
  CHECK(joined(fifo.list({.reverse = true})) == "c3 a2 b1 ");
  CHECK(joined(lifo.list({.reverse = true, .most = 1})) == "b1 ");
  CHECK(joined(keyed.list({.reverse = true, .most = 2})) == "c3 b1 ");
  CHECK(joined(keyed.list({.key = KeySelection{KeyOrder::ne, Key::bytes("b")}})) == "a2 c3 ");
  CHECK(joined(fifo.list({.limit = 1})) == "b a c ");
  CHECK_ERROR(fifo.list({.key = KeySelection{KeyOrder::eq, Key::bytes("b")}}), not_keyed);
  const auto entries = fifo.list({.most = 1, .limit = 1});
  CHECK(entries[0].length == 2);
  CHECK(entries[0].sender);
  CHECK(fifo.describe().entries == 3);
}

TEST_CASE_FIXTURE(Fixture, "rule 19: the views show queues and entries under the names of the QSYS2 services") {
  DataQueue keyed = library.create_queue(
      "KEYED", {.sequence = Sequence::keyed, .max_length = 100, .key_length = 2, .text = "orders"});
  DataQueue lifo = library.create_queue("LIFO", {.sequence = Sequence::lifo, .sender_id = true, .force = true});
  keyed.send("data", Key::text("k"));
  lifo.send("1");
  lifo.send("2");
  CHECK(
      select(
          "SELECT data_queue_name, maximum_message_length, sequence, key_length, include_sender_id, current_messages, "
          "maximum_messages, force, text_description FROM data_queue_info ORDER BY 1") ==
      "KEYED|100|KEYED|2|NO|1|null|NO|orders\n"
      "LIFO|64512|LIFO|null|YES|2|null|YES|\n");
  CHECK(select("SELECT data_queue_name, ordinal_position, message_data, hex(key_data_binary), sender_job_name IS NULL "
               "FROM data_queue_entries ORDER BY 1, 2") == "KEYED|1|data|6B00|1\nLIFO|1|2||0\nLIFO|2|1||0\n");
  CHECK(select("SELECT message_enqueue_timestamp LIKE '20__-__-__ __:__:__.______' FROM data_queue_entries LIMIT 1") ==
        "1\n");
}
