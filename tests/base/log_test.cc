#include "base/log.h"

#include <doctest/doctest.h>

using namespace usher;

TEST_CASE("log: plain values stand bare, others are quoted") {
  CHECK(log::line(log::Level::info, "accepted", {{"job", "000123/usher/generic"}, {"pid", 42}, {"user", "al ice"}}) ==
        "info: accepted job=000123/usher/generic pid=42 user=\"al ice\"");
  CHECK(log::line(log::Level::warning, "x", {{"empty", ""}}) == "warning: x empty=\"\"");
}

TEST_CASE("log: a hostile value forges neither a line nor a pair") {
  CHECK(log::line(log::Level::info, "refused", {{"user", "eve\n2026 usher: info: accepted user=root"}}) ==
        "info: refused user=\"eve\\x0a2026 usher: info: accepted user=root\"");
  CHECK(log::line(log::Level::info, "refused", {{"user", "eve\" reason=\"none\\"}}) ==
        "info: refused user=\"eve\\\" reason=\\\"none\\\\\"");
  CHECK(log::line(log::Level::info, "refused", {{"user", "a=b"}}) == "info: refused user=\"a=b\"");
  CHECK(log::line(log::Level::info, "refused", {{"user", "\xFF\x1B"}}) == "info: refused user=\"\\xff\\x1b\"");
}

TEST_CASE("log: a long value is cut and says so") {
  const std::string line = log::line(log::Level::info, "x", {{"v", std::string(5000, 'a')}});
  CHECK(line.size() < 600);
  CHECK(line.ends_with("aaa...\""));
}
