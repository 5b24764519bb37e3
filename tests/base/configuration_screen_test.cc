#include "base/configuration_screen.h"

#include <doctest/doctest.h>

using namespace usher;

namespace {

std::string repeated(std::string_view piece, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

}  // namespace

TEST_CASE("screen: text passes, empty text too") {
  CHECK_FALSE(screen_text(""));
  CHECK_FALSE(screen_text("a = \"\xC3\xA9\" # \xE2\x82\xAC\r\n[b.c]\n"));
}

TEST_CASE("screen: a NUL byte and a byte that is not UTF-8 are found at their places") {
  const auto nul = screen_text(std::string_view("a = 1\nbc\0", 9));
  REQUIRE(nul);
  CHECK(nul->line == 2);
  CHECK(nul->column == 3);
  CHECK(nul->message == "the file has a NUL byte");
  const auto bad = screen_text("\xC3\xA9\xFF");
  REQUIRE(bad);
  CHECK(bad->line == 1);
  CHECK(bad->column == 2);
  CHECK(bad->message == "the file has a byte that is not UTF-8");
}

TEST_CASE("screen: deep nesting of every kind is found") {
  CHECK(screen_text("a = " + repeated("[", 17)));
  CHECK(screen_text("a = " + repeated("{b=", 17)));
  CHECK(screen_text(repeated("a.", 500'000) + "b = 1"));
  CHECK(screen_text("[" + repeated("a . ", 100) + "b]"));
  CHECK(screen_text("a = [\n" + repeated("[\n", 20)));
  CHECK_FALSE(screen_text("a = " + repeated("[", 16) + repeated("]", 16)));
  CHECK_FALSE(screen_text(repeated("a.", 15) + "b = 1"));
}

TEST_CASE("screen: brackets and dots in strings and comments nest nothing") {
  const std::string dots = repeated("[.{", 100);
  CHECK_FALSE(screen_text("a = \"" + dots + "\" # " + dots));
  CHECK_FALSE(screen_text("a = '" + dots + "'\nb = '''x\n''" + dots + "'''"));
  CHECK_FALSE(screen_text("a = \"\"\"\n\\\"\"\"" + dots + "\"\"\"\"\nb = \"\\\"" + dots + "\""));
  CHECK_FALSE(screen_text("a = \"\" # \"\n#" + dots));
  CHECK(screen_text("a = \"\" \n b = " + repeated("[", 20)));
  CHECK(screen_text("a = \"\"\"x\"\"\"\"\nb = " + repeated("[", 20)));
}

TEST_CASE("screen: a character that is not ASCII stands in strings and comments only") {
  CHECK_FALSE(screen_text("\xEF\xBB\xBFkey = '\xC3\xA9' # \xD2\x8A"));
  for (const char* text : {"\xD2\x8A = 1", "[a.\xD2\x8A]", "a = \"\" \xC2\xA0", "\n\xEF\xBB\xBF"}) {
    CAPTURE(text);
    const auto unreadable = screen_text(text);
    REQUIRE(unreadable);
    CHECK(unreadable->message == "a character that is not ASCII stands outside quotes and comments");
  }
}

TEST_CASE("screen: many short keys and lists side by side are not deep") {
  CHECK_FALSE(screen_text(repeated("a.b = [1.5, [2.5]]\n", 1000)));
}

TEST_CASE("screen: a table without a name is found, at its bracket") {
  for (const char* text : {"[=", "[\n", "[[=]]", "[ [ =", " [.a]", "a = 1\n\t[ #b]\n", "\xEF\xBB\xBF[="}) {
    CAPTURE(text);
    const auto found = screen_text(text);
    REQUIRE(found);
    CHECK(found->message == "no name follows this bracket");
  }
  CHECK(screen_text("a = 1\n  [=]")->line == 2);
  CHECK(screen_text("a = 1\n  [=]")->column == 3);
  for (const char* text : {"[", "[a]", "[[a]]", "[ \"a b\" ]", "['a']", "[]", "[-a_]", "a = [\n[=]\n]", "a = [=]"}) {
    CAPTURE(text);
    CHECK_FALSE(screen_text(text));
  }
}
