#include "worker/line_reader.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "base/unique_fd.h"
#include "tests/support/process.h"

using namespace usher;
using namespace std::string_literals;
using Result = LineReader::Result;

namespace {

struct Connection {
  explicit Connection(bool telnet = false) : ends(testing::make_stream_pair()), stream(ends.first.get()), reader(stream, telnet) {}

  void send(std::string_view bytes) const {
    REQUIRE(::send(ends.second.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  void finish() const { REQUIRE(::shutdown(ends.second.get(), SHUT_WR) == 0); }
  std::string line() {
    const Secret taken = reader.take();
    return {taken.bytes().begin(), taken.bytes().end()};
  }
  std::string rest() const {
    std::array<char, 256> bytes{};
    const ssize_t got = ::recv(ends.first.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    return {bytes.data(), static_cast<std::size_t>(got < 0 ? 0 : got)};
  }

  std::pair<UniqueFd, UniqueFd> ends;
  PlainStream stream;
  LineReader reader;
};

constexpr const char* kIac = "\xFF";

}  // namespace

TEST_CASE("line reader: CR LF, LF and CR NUL end a line, and nothing behind it is touched") {
  for (const std::string& end : {"\r\n"s, "\n"s, "\r\0"s}) {
    Connection connection;
    connection.send("alice" + end + "the rest\r\n");
    REQUIRE(connection.reader.read() == Result::line);
    CHECK(connection.line() == "alice");
    CHECK(connection.rest() == "the rest\r\n");
  }
}

TEST_CASE("line reader: several lines sent at once come one by one") {
  Connection connection;
  connection.send("alice\r\nsecret\necho\r\nrest");
  for (const char* expected : {"alice", "secret", "echo"}) {
    REQUIRE(connection.reader.read() == Result::line);
    CHECK(connection.line() == expected);
  }
  CHECK(connection.rest() == "rest");
}

TEST_CASE("line reader: a line that comes byte by byte is put together, and its parts do not stay in the socket") {
  Connection connection;
  for (const char byte : "alice\r"s) {
    connection.send(std::string(1, byte));
    CHECK(connection.reader.read() == Result::more);
  }
  CHECK(connection.rest().empty());
  connection.send("\n");
  REQUIRE(connection.reader.read() == Result::line);
  CHECK(connection.line() == "alice");
}

TEST_CASE("line reader: an empty line is a line") {
  Connection connection;
  connection.send("\r\n");
  REQUIRE(connection.reader.read() == Result::line);
  CHECK(connection.line().empty());
}

TEST_CASE("line reader: a line of 1,024 bytes is taken, one of 1,025 is not") {
  for (const std::size_t size : {std::size_t{1024}, std::size_t{1025}}) {
    Connection connection;
    connection.send(std::string(size, 'x') + "\r\n");
    const Result result = connection.reader.read();
    CHECK(result == (size == 1024 ? Result::line : Result::bad));
  }
  Connection endless;
  endless.send(std::string(100'000, 'x'));
  CHECK(endless.reader.read() == Result::bad);
}

TEST_CASE("line reader: NUL inside a line, and bytes that are not UTF-8, are bad") {
  for (const std::string& bad : {"al\0ice\r\n"s, "\xC3(\r\n"s, "al\xFFice\n"s, "\xED\xA0\x80\n"s}) {
    Connection connection;
    connection.send(bad);
    CHECK(connection.reader.read() == Result::bad);
  }
  Connection good;
  good.send("\xC3\xA9t\xC3\xA9\r\n");
  CHECK(good.reader.read() == Result::line);
}

TEST_CASE("line reader: a carriage return that ends nothing belongs to the line") {
  Connection connection;
  connection.send("a\rb\r\r\n");
  REQUIRE(connection.reader.read() == Result::line);
  CHECK(connection.line() == "a\rb\r");
}

TEST_CASE("line reader: the end between lines is an end, the end inside a line is bad") {
  Connection between;
  between.finish();
  CHECK(between.reader.read() == Result::ended);
  Connection inside;
  inside.send("alic");
  CHECK(inside.reader.read() == Result::more);
  inside.finish();
  CHECK(inside.reader.read() == Result::bad);
}

TEST_CASE("line reader: a reset is an end") {
  Connection connection;
  connection.ends.second.reset();
  CHECK(connection.reader.read() == Result::ended);
}

TEST_CASE("line reader: telnet commands are taken out wherever they stand") {
  Connection connection(true);
  connection.send(kIac + "\xFD\x01"s + "al" + kIac + "\xF1"s + "i" + kIac + "\xFA\x18\x01xyz"s + kIac + "\xF0"s + "ce\r" +
                  kIac + "\xFB\x03"s);
  CHECK(connection.reader.read() == Result::more);
  connection.send("\r\0tail"s);
  REQUIRE(connection.reader.read() == Result::line);
  CHECK(connection.line() == "alice\r");
  CHECK(connection.rest() == "tail");
  CHECK(connection.reader.speaks_telnet());
}

TEST_CASE("line reader: a telnet command inside a line's end does not part it") {
  for (const std::string& end : {"\n"s, "\0"s}) {
    Connection connection(true);
    connection.send("alice\r"s + kIac + "\xFB\x03"s + kIac + "\xF1"s + end + "tail");
    REQUIRE(connection.reader.read() == Result::line);
    CHECK(connection.line() == "alice");
    CHECK(connection.rest() == "tail");
  }
}

TEST_CASE("line reader: IAC IAC is one byte 255, which no UTF-8 has") {
  Connection connection(true);
  connection.send("a"s + kIac + kIac + "\r\n");
  CHECK(connection.reader.read() == Result::bad);
}

TEST_CASE("line reader: without telnet a telnet command is no text") {
  Connection connection(false);
  connection.send(kIac + "\xFD\x01"s + "alice\r\n");
  CHECK(connection.reader.read() == Result::bad);
  CHECK_FALSE(connection.reader.speaks_telnet());
}

TEST_CASE("line reader: a telnet answer at the front is taken, data is not") {
  Connection connection(true);
  connection.send(kIac + "\xFE\x01"s + "data");
  CHECK(connection.reader.take_telnet_command());
  CHECK_FALSE(connection.reader.take_telnet_command());
  CHECK(connection.rest() == "data");
}
