// The command usher queue, run as a program.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>

#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/wait_until.h"
#include "usher/data_queue.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  std::string file = directory.path("work.db");
  std::string variable = "USHER_LIBRARY=" + file;

  Result queue(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.insert(arguments.begin(), {USHER_COMMAND, "queue"});
    return run(arguments, {.input = input, .variables = {variable}});
  }
  // Its output; the test fails when its status is another.
  std::string output(const std::vector<std::string>& arguments, int status = 0, const std::string& input = "") const {
    const Result result = queue(arguments, input);
    CAPTURE(arguments[0]);
    CAPTURE(result.error_output);
    CHECK(result.ending.code == status);
    CHECK(result.error_output.empty() == (status == 0 || status == 3));
    return result.output;
  }
  void make(std::vector<std::string> more) const {
    more.insert(more.begin(), "create");
    CHECK(output(more).empty());
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

std::string without_number(const std::string& line) {
  const std::size_t at = line.find(",\"number\"");
  return at == line.npos ? line : line.substr(0, at);
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "usher queue: create, send, receive, and 3 when nothing is there") {
  make({"orders"});
  CHECK(output({"receive", "orders"}, 3).empty());
  CHECK(output({"peek", "orders"}, 3).empty());
  CHECK(output({"send", "orders", "six eggs"}).empty());
  CHECK(output({"peek", "ORDERS"}) == "six eggs\n");
  CHECK(output({"receive", "orders"}) == "six eggs\n");
  CHECK(output({"receive", "orders", "--wait", "0.01"}, 3).empty());
  CHECK(output({"send", "orders", ""}).empty());
  CHECK(output({"receive", "orders"}) == "\n");
}

TEST_CASE_FIXTURE(Fixture, "usher queue: data comes from argument, file or standard input, every byte of it") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  make({"q"});
  output({"send", "q"}, 0, bytes);
  output({"send", "q", "--file", directory.write("data", bytes + "\n")});
  output({"send", "q", "--", "-x"});
  CHECK(output({"receive", "q"}) == bytes + "\n");
  CHECK(output({"receive", "q"}) == bytes + "\n\n");
  CHECK(output({"receive", "q"}) == "-x\n");
  output({"send", "q"}, 0, std::string("\0\xFFz", 3));
  CHECK(output({"peek", "q", "--hex"}) == "00ff7a\n");
  CHECK(output({"send", "q", "x", "--file", file}, 2).empty());
  CHECK(output({"send", "q", "--file", directory.path("none")}, 1).empty());
}

TEST_CASE_FIXTURE(Fixture, "usher queue: keys as text and as bytes, and every relation") {
  make({"k", "--sequence", "keyed", "--key-length", "3"});
  for (const char* key : {"GGG", "WWW", "AAA"}) output({"send", "k", key, "--key", key});
  CHECK(output({"peek", "k", "--key", "WWW"}) == "WWW\n");
  CHECK(output({"peek", "k", "--key", "GGG", "--order", "ne"}) == "AAA\n");
  CHECK(output({"peek", "k", "--key", "GGG", "--order", "lt"}) == "AAA\n");
  CHECK(output({"peek", "k", "--key", "GGG", "--order", "gt"}) == "WWW\n");
  CHECK(output({"peek", "k", "--key-hex", "474747", "--order", "ge"}) == "GGG\n");
  CHECK(output({"clear", "k", "--key", "WWW", "--order", "lt"}) == "2\n");
  CHECK(output({"receive", "k", "--key", "WWW", "--order", "le"}) == "WWW\n");
  output({"send", "k", "short", "--key", "B"});
  CHECK(output({"receive", "k", "--key-hex", "420000"}) == "short\n");
  CHECK(output({"receive", "k", "--key", "B"}, 3).empty());
}

TEST_CASE_FIXTURE(Fixture, "usher queue: JSON has every field of an entry") {
  make({"k", "--sequence", "keyed", "--key-length", "2", "--sender-id"});
  output({"send", "k", "--key-hex", "4100"}, 0, std::string("say \"hi\"\n\0", 10));
  const std::string line = output({"peek", "k", "--key", "A", "--json"});
  CHECK(line.starts_with(R"({"data":"say \"hi\"\n\u0000","data_hex":"73617920226869220a00","key":"A","key_hex":"4100",)"
                         R"("sender":{"job":")"));
  CHECK(has(line, R"(/usher","current_user":")"));
  CHECK(has(line, R"("},"enqueued":"20)"));
  CHECK(has(line, R"(Z","deliveries":0,"number":)"));
  make({"q"});
  output({"send", "q"}, 0, "\xFF");
  CHECK(output({"receive", "q", "--json"})
            .starts_with(R"({"data":null,"data_hex":"ff","key":null,"key_hex":null,"sender":null,"enqueued":"20)"));
}

TEST_CASE_FIXTURE(Fixture, "usher queue: describe gives every attribute under its option's name") {
  make({"dead"});
  make({"work", "--sequence=lifo", "--max-length=100", "--max-entries=5", "--sender-id", "--force", "--text=the work",
        "--max-deliveries=3", "--dead-letter=dead"});
  output({"send", "work", "x"});
  const std::string json = output({"describe", "work", "--json"});
  CHECK(has(json, R"("name":"WORK","sequence":"lifo","key-length":0,"max-length":100,"max-entries":5,"sender-id":true,)"
                  R"("force":true,"text":"the work","max-deliveries":3,"dead-letter":"DEAD","entries":1,"bytes":1,)"
                  R"("oldest":"20)"));
  CHECK(has(json, R"("waiters":0,"leased":0,"lease-holders":[]})"));
  const std::string text = output({"describe", "work"});
  for (const char* part : {"name: WORK\n", "max-entries: 5\n", "force: true\n", "text: the work\n", "entries: 1\n"}) {
    CHECK(has(text, part));
  }
}

TEST_CASE_FIXTURE(Fixture, "usher queue: list shows the queues of a library, delete removes one") {
  make({"b"});
  make({"a", "--text", "first"});
  const std::string table = output({"list"});
  CHECK(has(table, "A           fifo               0  first\nB"));
  const std::string json = output({"list", "--json"});
  CHECK(std::count(json.begin(), json.end(), '\n') == 2);
  CHECK(has(json, "\"library\":\"" + file + "\",\"name\":\"A\""));
  output({"delete", "a"});
  output({"delete", "a"}, 1);
  CHECK_FALSE(has(output({"list"}), "A "));
}

TEST_CASE_FIXTURE(Fixture, "usher queue: errors are status 1 and say which, wrong usage is status 2") {
  CHECK(has(queue({"send", "q", "x"}).error_output, file + ": No such file"));
  make({"q", "--max-length", "3", "--max-entries", "1"});
  CHECK(has(queue({"create", "q"}).error_output, "Q"));
  CHECK(has(queue({"send", "q", "four"}).error_output, "(CPF2498)"));
  CHECK(has(queue({"send", "q", "x", "--key", "k"}).error_output, "(CPF9502)"));
  output({"send", "q", "one"});
  CHECK(has(queue({"send", "q", "two"}).error_output, "the most it may"));
  make({"k", "--sequence", "keyed", "--key-length", "1"});
  CHECK(has(queue({"receive", "k"}).error_output, "(CPF9501)"));
  CHECK(has(queue({"send", "k", "x", "--key-hex", "4142"}).error_output, "(CPF9506)"));
  for (const auto& arguments : {std::vector<std::string>{"receive", "none"},
                                {"create", "9"},
                                {"create", "x", "--max-length", "64513"},
                                {"receive", "q", "--wait", "100000"},
                                {"receive", "k", "--key-hex", "zz"}}) {
    CAPTURE(arguments[1]);
    output(arguments, 1);
  }
  for (const auto& arguments : {std::vector<std::string>{},
                                {"receive"},
                                {"no-such"},
                                {"receive", "q", "surplus"},
                                {"receive", "q", "--wait", "soon"},
                                {"receive", "k", "--order", "gt"},
                                {"receive", "k", "--key", "a", "--order", "almost"},
                                {"receive", "k", "--key", "a", "--key-hex", "61"},
                                {"create", "x", "--max-length", "-1"},
                                {"create", "x", "--sequence", "random"},
                                {"peek", "lib/q", "--library", "x"}}) {
    CHECK(queue(arguments).ending.code == 2);
  }
  variable = "USHER_LIBRARY=";
  CHECK(has(queue({"receive", "q"}).error_output, "which library?"));
  CHECK(queue({"receive", "q", "--library", file}).output == "one\n");
}

TEST_CASE("usher queue: LIBRARY/NAME is a file of the state directory") {
  const TemporaryDirectory directory;
  directory.write("state/queues/none", "");
  const std::string configuration =
      directory.write("usher.toml", "[server]\nruntime_directory = \"" + directory.path("run") +
                                        "\"\nstate_directory = \"" + directory.path("state") + "\"\nuser = \"root\"\n");
  const auto queue = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {USHER_COMMAND, "queue", "--config", configuration});
    return run(arguments, {.variables = {"USHER_LIBRARY="}});
  };
  CHECK(queue({"create", "shop/orders"}).ending.code == 0);
  CHECK(queue({"send", "shop/orders", "x"}).ending.code == 0);
  CHECK(Library(directory.path("state/queues/shop.db")).queue("ORDERS").describe().entries == 1);
  CHECK(has(queue({"list", "shop"}).output, "ORDERS"));
  CHECK(has(queue({"list"}).output, "ORDERS"));
  CHECK(queue({"receive", "shop/orders"}).output == "x\n");
  CHECK(queue({"create", "../orders"}).ending.code == 2);
}

TEST_CASE_FIXTURE(Fixture, "usher queue: receive waits until an entry comes") {
  make({"q"});
  Process receiver({USHER_COMMAND, "queue", "receive", "q", "--wait", "-1"}, {.variables = {variable}});
  DataQueue queue = Library(file).queue("Q");
  REQUIRE(wait_until([&] { return queue.describe().waiters == 1; }));
  output({"send", "q", "at last"});
  CHECK(receiver.wait().code == 0);
  CHECK(receiver.output() == "at last\n");
  CHECK(queue.describe().entries == 0);
}

TEST_CASE_FIXTURE(Fixture, "usher queue: an entry that cannot be printed is not lost") {
  make({"q"});
  output({"send", "q", "kept"});
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const Result result =
      run({USHER_COMMAND, "queue", "receive", "q"}, {.output_fd = full.get(), .variables = {variable}});
  CHECK(result.ending.code == 1);
  CHECK(output({"receive", "q"}) == "kept\n");
}

TEST_CASE_FIXTURE(Fixture, "usher queue: watch shows what comes, in its order, and takes nothing") {
  for (const char* sequence : {"lifo", "keyed"}) {
    CAPTURE(sequence);
    const bool keyed = std::string(sequence) == "keyed";
    make({sequence, "--sequence", sequence, "--key-length", keyed ? "1" : "0"});
    const auto send = [&](const std::string& data) {
      std::vector<std::string> arguments{"send", sequence, data};
      if (keyed) arguments.insert(arguments.end(), {"--key", data == "1" ? "B" : "A"});
      output(arguments);
    };
    send("before");
    Process watcher({USHER_COMMAND, "queue", "watch", sequence}, {.variables = {variable}});
    DataQueue queue = Library(file).queue(sequence);
    REQUIRE(wait_until([&] { return queue.describe().waiters == 1; }));
    for (const char* data : {"1", "2", "3"}) send(data);
    CHECK(watcher.wait_for_text("3\n"));
    CHECK(watcher.output() == "1\n2\n3\n");
    CHECK(queue.describe().entries == 4);
  }
}

TEST_CASE_FIXTURE(Fixture, "usher queue: watch ends with the queue") {
  make({"q"});
  Process watcher({USHER_COMMAND, "queue", "watch", "q"}, {.variables = {variable}});
  DataQueue queue = Library(file).queue("Q");
  REQUIRE(wait_until([&] { return queue.describe().waiters == 1; }));
  output({"delete", "q"});
  CHECK(watcher.wait().code == 1);
}

TEST_CASE_FIXTURE(Fixture, "usher queue: export and import move a queue with all that its entries have") {
  for (const char* sequence : {"fifo", "lifo", "keyed"}) {
    CAPTURE(sequence);
    const bool keyed = std::string(sequence) == "keyed";
    const std::string target = std::string(sequence) + "2";
    const std::vector<std::string> attributes{"--sequence", sequence, "--key-length", keyed ? "2" : "0", "--sender-id"};
    for (const std::string& name : {std::string(sequence), target}) {
      std::vector<std::string> arguments{name};
      arguments.insert(arguments.end(), attributes.begin(), attributes.end());
      make(arguments);
    }
    for (const std::string& data : {std::string("2"), std::string("1\xFF\0", 3), std::string()}) {
      std::vector<std::string> arguments{"send", sequence};
      if (keyed) arguments.insert(arguments.end(), {"--key", "K" + data.substr(0, 1)});
      output(arguments, 0, data);
    }
    const std::string lines = output({"export", sequence});
    CHECK(std::count(lines.begin(), lines.end(), '\n') == 3);
    CHECK(output({"import", target}, 0, lines) == "3\n");
    const auto key =
        keyed ? std::vector<std::string>{"--key-hex", "0000", "--order", "ge"} : std::vector<std::string>();
    for (int i = 0; i < 3; ++i) {
      std::vector<std::string> from{"receive", sequence, "--json"};
      std::vector<std::string> to{"receive", target, "--json"};
      from.insert(from.end(), key.begin(), key.end());
      to.insert(to.end(), key.begin(), key.end());
      CHECK(without_number(output(from)) == without_number(output(to)));
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "usher queue: times of entries are imported as they are exported, or refused") {
  output({"create", "q"});
  for (const char* time : {"1969-12-31T23:59:59.999999Z", "1678-01-01T00:00:00.000001Z", "2261-12-31T00:00:00.000000Z"}) {
    CAPTURE(time);
    const std::string enqueued = std::string(R"("enqueued":")") + time + '"';
    CHECK(output({"import", "q"}, 0, R"({"data":"x",)" + enqueued + "}\n") == "1\n");
    CHECK(has(output({"receive", "q", "--json"}), enqueued));
  }
  for (const char* time : {"1600-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"}) {
    CAPTURE(time);
    const Result result = queue({"import", "q"}, std::string(R"({"data":"x","enqueued":")") + time + "\"}\n");
    CHECK(has(result.error_output, "line 1: enqueued: is not between 1678 and 2261"));
  }
}

TEST_CASE_FIXTURE(Fixture, "usher queue: an import with a fault says in which line, and imports nothing") {
  make({"q"});
  for (const char* fault : {"no json", "[]", "{}", R"({"data":1})", R"({"data_hex":"0"})", R"({"data":"x","key":"k"})",
                            R"({"data":"x","enqueued":"yesterday"})", R"({"data":"x","sender":"me"})"}) {
    CAPTURE(fault);
    const Result result = queue({"import", "q"}, std::string("{\"data\":\"good\"}\n") + fault + "\n");
    CHECK(result.ending.code == 1);
    CHECK(output({"peek", "q"}, 3).empty());
  }
  CHECK(has(queue({"import", "q"}, "{\"data\":\"good\"}\n\n{}\n").error_output, "line 3: data_hex or data"));
  CHECK(output({"import", "q", "--file", directory.write("lines", "{\"data\":\"from a file\"}\n")}) == "1\n");
  CHECK(output({"receive", "q"}) == "from a file\n");
}
