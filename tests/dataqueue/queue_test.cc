// Rules 1 to 18: objects, send, receive, peek, clear, describe.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/dataqueue/support.h"
#include "tests/support/descriptors.h"
#include "tests/support/skip.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  Library library{directory.path("work.db"), {.create = true}};

  DataQueue keyed(std::uint32_t key_length = 3) {
    return library.create_queue("K", {.sequence = Sequence::keyed, .key_length = key_length});
  }
};

std::string all_of(DataQueue& queue) {
  std::string all;
  while (auto entry = queue.receive()) all += entry->data + " ";
  return all;
}

void send_each(DataQueue& queue, std::initializer_list<const char*> keys) {
  for (const char* key : keys) queue.send(key, Key::text(key));
}

KeySelection select(KeyOrder order, const char* key) {
  return {order, Key::text(key)};
}

std::string all_of(DataQueue& queue, const KeySelection& which) {
  std::string all;
  while (auto entry = queue.receive(which)) all += entry->data + " ";
  return all;
}

}  // namespace

TEST_CASE("rule 1: a library is made only when asked to, and a missing one is library_not_found") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("new.db");
  CHECK_ERROR(Library(path), library_not_found);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_ERROR(Library(directory.path("no/where.db"), {.create = true}), library_not_found);
  Library made(path, {.create = true, .mode = 0640});
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
  REQUIRE(::stat((path + "-sidecar").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
  CHECK_ERROR(made.queue("NONE"), queue_not_found);
}

TEST_CASE("rule 1: links are not followed, and a file that is no library is refused") {
  const TemporaryDirectory directory;
  const Library real(directory.path("real.db"), {.create = true});
  std::filesystem::create_symlink("real.db", directory.path("link.db"));
  CHECK_ERROR(Library(directory.path("link.db")), not_authorized);
  directory.write("text.db", std::string(5000, 'x'));
  CHECK_ERROR(Library(directory.path("text.db")), damaged);
  std::filesystem::create_directory(directory.path("folder.db"));
  CHECK_ERROR(Library(directory.path("folder.db")), damaged);
}

TEST_CASE("rule 1: who may not read gets not_authorized; who may not write can look, and no more") {
  SKIP_UNLESS(::geteuid() == 0, "becomes another user");
  const TemporaryDirectory directory;
  const std::string path = directory.path("work.db");
  Library library(path, {.create = true, .mode = 0600});
  DataQueue queue = library.create_queue("Q");
  queue.send("one");
  Messages heard;
  const auto as_nobody = [&](const std::function<void()>& body) {
    Child child([&] {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) throw std::runtime_error("setuid");
      body();
    });
    CHECK(child.wait() == 0);
  };
  as_nobody([&] { heard.say(std::to_string(code_of([&] { Library other(path); }))); });
  CHECK(heard.hear() == std::to_string(static_cast<int>(ErrorCode::not_authorized)));

  for (const char* suffix : {"", "-wal", "-shm", "-sidecar"}) {
    if (std::filesystem::exists(path + suffix)) REQUIRE(::chmod((path + suffix).c_str(), 0644) == 0);
  }
  as_nobody([&] {
    Library other(path);
    DataQueue same = other.queue("Q");
    heard.say(data_of(same.peek()) + " " + std::to_string(same.describe().entries));
    heard.say(std::to_string(code_of([&] { same.send("two"); })));
    heard.say(std::to_string(code_of([&] { (void)same.receive(); })));
    heard.say(std::to_string(code_of([&] { (void)same.peek(1s); })));
  });
  CHECK(heard.hear() == "one 1");
  for (int i = 0; i < 3; ++i) CHECK(heard.hear() == std::to_string(static_cast<int>(ErrorCode::not_authorized)));
}

TEST_CASE_FIXTURE(Fixture, "rule 2: names are folded to upper case, and what is no name is refused") {
  library.create_queue("orders");
  CHECK(library.queue("OrDeRs").name() == "ORDERS");
  for (const char* good : {"A", "$X", "#1", "@_.9", "ABCDEFGHIJ"}) CHECK(library.create_queue(good).name() == good);
  for (const char* bad : {"", "1A", "_A", ".A", "ABCDEFGHIJK", "A B", "A-B", "\xC3\x84"}) {
    CAPTURE(bad);
    CHECK_ERROR(library.create_queue(bad), invalid_argument);
  }
}

TEST_CASE_FIXTURE(Fixture, "rule 2: attributes out of range are refused by name, those in range are kept") {
  const auto refused = [&](const QueueAttributes& attributes) {
    try {
      library.create_queue("BAD", attributes);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::invalid_argument);
      const std::string what = error.what();
      return what.substr(0, what.find(':'));
    }
    return std::string("(taken)");
  };
  CHECK(refused({.max_length = 0}) == "max_length");
  CHECK(refused({.max_length = 64'513}) == "max_length");
  CHECK(refused({.sequence = Sequence::keyed}) == "key_length");
  CHECK(refused({.sequence = Sequence::keyed, .key_length = 257}) == "key_length");
  CHECK(refused({.sequence = Sequence::lifo, .key_length = 1}) == "key_length");
  CHECK(refused({.text = std::string(51, 'x')}) == "text");
  CHECK(refused({.max_deliveries = 3}) == "max_deliveries");
  CHECK(refused({.dead_letter = "DEAD"}) == "dead_letter");
  std::string umlauts;
  for (int i = 0; i < 50; ++i) umlauts += "\xC3\xBC";
  DataQueue queue = library.create_queue("GOOD", {.sequence = Sequence::keyed,
                                                  .max_length = 64'512,
                                                  .key_length = 256,
                                                  .max_entries = 7,
                                                  .sender_id = true,
                                                  .force = true,
                                                  .text = umlauts});
  const QueueAttributes kept = queue.attributes();
  CHECK(kept.sequence == Sequence::keyed);
  CHECK(kept.max_length == 64'512);
  CHECK(kept.key_length == 256);
  CHECK(kept.max_entries == 7);
  CHECK(kept.sender_id);
  CHECK(kept.force);
  CHECK(kept.text == umlauts);
}

TEST_CASE_FIXTURE(Fixture,
                  "rule 3: making twice, deleting what is not there, and a queue made anew under an old handle") {
  DataQueue queue = library.create_queue("Q", {.max_length = 3});
  Library other(directory.path("work.db"));
  DataQueue elsewhere = other.queue("q");
  elsewhere.send("abc");
  CHECK_ERROR(library.create_queue("q"), already_exists);
  CHECK_ERROR(library.delete_queue("X"), queue_not_found);
  library.delete_queue("Q");
  CHECK_ERROR(elsewhere.send("abc"), queue_not_found);
  CHECK_ERROR(elsewhere.receive(), queue_not_found);
  CHECK_ERROR(elsewhere.peek(), queue_not_found);
  CHECK_ERROR(queue.describe(), queue_not_found);
  library.create_queue("Q", {.sequence = Sequence::keyed, .key_length = 1});
  CHECK_ERROR(elsewhere.send("abc"), key_required);
  elsewhere.send("longer than three", Key::bytes("k"));
  CHECK(data_of(queue.receive(select(KeyOrder::eq, "k"))) == "longer than three");
}

TEST_CASE_FIXTURE(Fixture, "rule 4: too long is refused and queues nothing; empty data is an entry") {
  DataQueue queue = library.create_queue("Q", {.max_length = 4});
  CHECK_ERROR(queue.send("12345"), too_long);
  CHECK(queue.describe().entries == 0);
  queue.send("1234");
  queue.send("");
  CHECK(data_of(queue.receive()) == "1234");
  const auto empty = queue.receive();
  REQUIRE(empty);
  CHECK(empty->data.empty());
  CHECK_FALSE(queue.receive());
}

TEST_CASE_FIXTURE(Fixture, "rule 4: every byte value and the greatest length come back as they were") {
  DataQueue queue = library.create_queue("Q");
  std::string bytes;
  for (std::size_t i = 0; i < kMaxEntryLength; ++i) bytes += static_cast<char>(i * 31);
  queue.send(bytes);
  CHECK(queue.receive()->data == bytes);
  CHECK_ERROR(queue.send(bytes + "x"), too_long);
}

TEST_CASE_FIXTURE(Fixture, "rule 5: a key must be there, fit, and belong there") {
  DataQueue queue = keyed();
  DataQueue plain = library.create_queue("P");
  CHECK_ERROR(queue.send("x"), key_required);
  CHECK_ERROR(queue.send("x", Key::bytes("ab")), key_length);
  CHECK_ERROR(queue.send("x", Key::bytes("abcd")), key_length);
  CHECK_ERROR(queue.send("x", Key::text("abcd")), key_length);
  CHECK_ERROR(plain.send("x", Key::text("a")), not_keyed);
  queue.send("padded", Key::text("a"));
  CHECK(queue.receive({KeyOrder::eq, Key::bytes(std::string("a\0\0", 3))})->key == std::string("a\0\0", 3));
}

TEST_CASE_FIXTURE(Fixture, "rule 6: a full queue refuses at once, and takes again what there is room for") {
  DataQueue queue = library.create_queue("Q", {.max_entries = 2});
  queue.send("1");
  queue.send("2");
  CHECK_ERROR(queue.send("3"), queue_full);
  CHECK(queue.describe().entries == 2);
  CHECK(data_of(queue.receive()) == "1");
  queue.send("3");
  CHECK_ERROR(queue.send("4"), queue_full);
  CHECK(queue.clear() == 2);
  queue.send("5");
  queue.send("6");
  CHECK_ERROR(queue.send("7"), queue_full);
  CHECK(all_of(queue) == "5 6 ");
}

TEST_CASE_FIXTURE(Fixture, "rule 8: the sender is what the kernel says of it") {
  DataQueue queue = library.create_queue("Q", {.sender_id = true});
  DataQueue without = library.create_queue("W");
  queue.send("x");
  without.send("x");
  const auto entry = queue.receive();
  REQUIRE(entry);
  REQUIRE(entry->sender);
  CHECK(entry->sender->job.starts_with(std::to_string(::getpid()) + "/"));
  CHECK(entry->sender->job.ends_with("/dataqueue_test"));
  CHECK_FALSE(entry->sender->current_user.empty());
  CHECK_FALSE(without.receive()->sender);
}

TEST_CASE_FIXTURE(Fixture, "rule 10: FIFO gives the oldest, LIFO the newest, whatever was removed between") {
  DataQueue fifo = library.create_queue("F");
  DataQueue lifo = library.create_queue("L", {.sequence = Sequence::lifo});
  for (DataQueue* queue : {&fifo, &lifo}) {
    for (const char* data : {"1", "2", "3"}) queue->send(data);
    (void)queue->receive();
    queue->send("4");
  }
  CHECK(all_of(fifo) == "2 3 4 ");
  CHECK(all_of(lifo) == "4 2 1 ");
  lifo.send("5");
  CHECK(all_of(lifo) == "5 ");
}

TEST_CASE_FIXTURE(Fixture, "rule 10: numbers of entries rise and are not used again, also with a new sidecar") {
  DataQueue queue = library.create_queue("Q");
  queue.send("1");
  const std::uint64_t first = queue.receive()->number;
  queue.send("2");
  const std::uint64_t second = queue.receive()->number;
  CHECK(second > first);
  Child child([&] {
    const std::string path = directory.path("work.db");
    queue.send("3");
  });
  REQUIRE(child.wait() == 0);
  CHECK(queue.receive()->number > second);
}

TEST_CASE_FIXTURE(Fixture,
                  "rule 11: keys are searched in ascending order from the low end, among equal ones the oldest first") {
  DataQueue queue = keyed();
  send_each(queue, {"GGG", "WWW", "AAA"});
  CHECK(all_of(queue, select(KeyOrder::le, "WWW")) == "AAA GGG WWW ");
  const auto of = [&](KeyOrder order) {
    (void)queue.clear();
    send_each(queue, {"GGG", "WWW", "AAA"});
    queue.send("second", Key::text("GGG"));
    return all_of(queue, select(order, "GGG"));
  };
  CHECK(of(KeyOrder::eq) == "GGG second ");
  CHECK(of(KeyOrder::ne) == "AAA WWW ");
  CHECK(of(KeyOrder::lt) == "AAA ");
  CHECK(of(KeyOrder::le) == "AAA GGG second ");
  CHECK(of(KeyOrder::gt) == "WWW ");
  CHECK(of(KeyOrder::ge) == "GGG second WWW ");
}

TEST_CASE_FIXTURE(Fixture, "rule 11: keys compare as unsigned bytes") {
  DataQueue queue = keyed(1);
  for (const char* key : {"\xFF", "\x7F", "\x80", "\x01"}) queue.send(key, Key::bytes(key));
  CHECK(all_of(queue, {KeyOrder::ge, Key::bytes(std::string(1, '\0'))}) == "\x01 \x7F \x80 \xFF ");
}

TEST_CASE_FIXTURE(Fixture, "rule 12: receives that do not fit the queue are told apart") {
  DataQueue queue = keyed();
  DataQueue plain = library.create_queue("P");
  CHECK_ERROR(queue.receive(), key_required);
  CHECK_ERROR(plain.receive(select(KeyOrder::eq, "A")), not_keyed);
  CHECK_ERROR(queue.receive({KeyOrder::eq, Key::bytes("A")}), key_length);
  CHECK_ERROR(queue.receive({static_cast<KeyOrder>(9), Key::bytes("AAA")}), invalid_argument);
  CHECK_ERROR(queue.peek(), key_required);
}

TEST_CASE_FIXTURE(Fixture, "rule 14: a limit cuts what is returned, not what is removed") {
  DataQueue queue = library.create_queue("Q");
  queue.send("abcdef");
  const auto seen = queue.peek({}, 2);
  CHECK(seen->data == "ab");
  CHECK(seen->length == 6);
  const auto entry = queue.receive({}, 3);
  CHECK(entry->data == "abc");
  CHECK(entry->length == 6);
  CHECK_FALSE(queue.receive());
  queue.send("x");
  CHECK(queue.receive({}, 0)->data.empty());
}

TEST_CASE_FIXTURE(Fixture, "rule 16: clear by key leaves the rest, and says how many went") {
  DataQueue queue = keyed();
  send_each(queue, {"GGG", "WWW", "AAA"});
  CHECK(queue.clear(select(KeyOrder::lt, "WWW")) == 2);
  CHECK(all_of(queue, select(KeyOrder::ne, "\1")) == "WWW ");
  send_each(queue, {"GGG", "WWW"});
  CHECK(queue.clear() == 2);
  CHECK(queue.clear() == 0);
}

TEST_CASE_FIXTURE(Fixture, "rule 17: describe says what there is") {
  DataQueue queue = library.create_queue("Q", {.max_length = 10, .text = "some text"});
  const auto before = std::chrono::system_clock::now() - 1s;
  queue.send("12345");
  queue.send("678");
  const QueueDescription description = queue.describe();
  CHECK(description.name == "Q");
  CHECK(description.attributes.text == "some text");
  CHECK(description.entries == 2);
  CHECK(description.bytes == 8);
  REQUIRE(description.oldest);
  CHECK(*description.oldest > before);
  CHECK(*description.oldest <= std::chrono::system_clock::now());
  CHECK(description.waiters == 0);
  DataQueue second = library.create_queue("A");
  const auto all = library.queues();
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "A");
  CHECK(all[1].entries == 2);
}

TEST_CASE("a library leaves no descriptor behind") {
  const TemporaryDirectory directory;
  const std::size_t before = open_descriptors();
  {
    Library library(directory.path("work.db"), {.create = true});
    DataQueue queue = library.create_queue("Q");
    queue.send("x");
    CHECK(data_of(queue.receive()) == "x");
  }
  CHECK(open_descriptors() == before);
}
