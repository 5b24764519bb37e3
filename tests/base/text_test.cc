#include "base/text.h"

#include <doctest/doctest.h>

using namespace usher;

TEST_CASE("text: valid UTF-8 of every length is accepted") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("plain"));
  CHECK(is_utf8("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x9A\xAA"));
  CHECK(is_utf8("\xF4\x8F\xBF\xBF"));
}

TEST_CASE("text: overlong forms, surrogates, cut sequences and values above U+10FFFF are refused") {
  for (const char* bad : {"\x80", "\xC0\xAF", "\xC1\x81", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xC3(", "a\xFFz"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
}

TEST_CASE("text: control characters are shown as question marks, C1 ones too") {
  CHECK(printable("a\r\nb\x1B[31m\x7F") == "a??b?[31m?");
  CHECK(printable("\xC2\x9B" "31m") == "??31m");
  CHECK(printable("\xC3\xA9\xFF") == "\xC3\xA9?");
}

TEST_CASE("text: a cut never ends inside a sequence") {
  CHECK(cut_utf8("ab\xE2\x82\xAC", 4) == "ab");
  CHECK(cut_utf8("ab\xE2\x82\xAC", 5) == "ab\xE2\x82\xAC");
  CHECK(cut_utf8("\x80\x80\x80", 2) == "");
}
