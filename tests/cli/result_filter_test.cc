#include "cli/result_filter.h"

#include <doctest/doctest.h>
#include <signal.h>

#include "base/reply.h"

using namespace usher;

namespace {

struct Filtered {
  std::string data;
  std::optional<int> status;
  bool operator==(const Filtered&) const = default;
};

Filtered filter(const std::string& stream, std::size_t piece) {
  ResultFilter result;
  Filtered filtered;
  for (std::size_t at = 0; at < stream.size(); at += piece) filtered.data += result.pass(stream.substr(at, piece));
  ResultFilter::End end = result.finish();
  filtered.data += end.rest;
  filtered.status = end.status;
  return filtered;
}

// The same whatever the size of the pieces.
Filtered filter(const std::string& stream) {
  Filtered whole = filter(stream, stream.size() + 1);
  for (const std::size_t piece : {1UL, 2UL, 3UL, 7UL}) CHECK(filter(stream, piece) == whole);
  return whole;
}

}  // namespace

TEST_CASE("result: the line at the end is taken off with the line end before it, and nothing else") {
  CHECK(filter("data\r\n103 The program has ended.\r\n") == Filtered{"data", 0});
  CHECK(filter("data\n\r\n902 status 7\r\n") == Filtered{"data\n", 7});
  CHECK(filter("data\r\n\r\n902 status 255\r\n") == Filtered{"data\r\n", 255});
  CHECK(filter("\r\n103 \r\n") == Filtered{"", 0});
}

TEST_CASE("result: a signal is 128 and its number") {
  CHECK(filter("\r\n902 signal SIGKILL\r\n") == Filtered{"", 137});
  CHECK(filter("\r\n902 signal SIGTERM\r\n") == Filtered{"", 143});
  CHECK(filter("\r\n902 signal SIGRTMIN+3\r\n") == Filtered{"", 128 + SIGRTMIN + 3});
}

TEST_CASE("result: what the server itself writes is understood") {
  CHECK(filter("\r\n" + reply_line(Code::program_ended)) == Filtered{"", 0});
  CHECK(filter("\r\n" + reply_line(Code::program_ended, std::string(2000, 'x'))) == Filtered{"", 0});
}

TEST_CASE("result: look-alikes inside the data stay data") {
  CHECK(filter("a\r\n103 x\r\nb\r\n103 y\r\n") == Filtered{"a\r\n103 x\r\nb", 0});
  CHECK(filter("a\r\n103 x\r\n\r\n103 y\r\n") == Filtered{"a\r\n103 x\r\n", 0});
  CHECK(filter("a\r\n103 x\r\n103 y\r\n") == Filtered{"a\r\n103 x", 0});
  CHECK(filter("a\r\n902 status 1\r\n\r\n902 status 2\r\n") == Filtered{"a\r\n902 status 1\r\n", 2});
  CHECK(filter("\r\r\n103 x\r\n") == Filtered{"\r", 0});
  CHECK(filter("\r\n\r\n\r\n103 x\r\n") == Filtered{"\r\n\r\n", 0});
}

TEST_CASE("result: what is not exactly a result line at the end is data, and there is no result") {
  for (const char* stream : {"",
                             "data",
                             "data\r\n",
                             "103 x\r\n",
                             "\n103 x\r\n",
                             "\r\n103 x",
                             "\r\n103 x\r",
                             "\r\n103 x\n",
                             "\r\n103\r\n",
                             "\r\n103 a\tb\r\n",
                             "\r\n902 status\r\n",
                             "\r\n902 status \r\n",
                             "\r\n902 status 1234\r\n",
                             "\r\n902 status 256\r\n",
                             "\r\n902 status x\r\n",
                             "\r\n902 signal \r\n",
                             "\r\n902 signal kill\r\n",
                             "\r\n902 other 1\r\n",
                             "\r\n110 x\r\n",
                             "\r\n103 x\r\n ",
                             "\r\n103 x\r\n\r"}) {
    CAPTURE(stream);
    CHECK(filter(stream) == Filtered{stream, std::nullopt});
  }
  const std::string long_line = "\r\n103 " + std::string(1001, 'x') + "\r\n";
  CHECK(filter(long_line) == Filtered{long_line, std::nullopt});
}

TEST_CASE("result: binary data passes unchanged") {
  std::string data;
  for (int i = 0; i < 1024; ++i) data += static_cast<char>(i * 7 + i / 256);
  CHECK(filter(data + "\r\n103 x\r\n") == Filtered{data, 0});
  CHECK(filter(std::string("\0\r\n\0", 4) + "\r\n902 status 1\r\n") == Filtered{std::string("\0\r\n\0", 4), 1});
}

TEST_CASE("result: only what could still be the result line is held back") {
  ResultFilter filter;
  CHECK(filter.pass("prompt> ") == "prompt> ");
  CHECK(filter.pass("a\r") == "a");
  CHECK(filter.pass("b\r\n") == "\rb");
  CHECK(filter.pass("1") == "");
  CHECK(filter.pass("04") == "\r\n104");
  CHECK(filter.pass("\r\n902 st") == "");
  CHECK(filter.pass("op") == "\r\n902 stop");
  CHECK(filter.pass("\r\n103 done\r\n") == "");
  CHECK(filter.pass("!") == "\r\n103 done\r\n!");
}
