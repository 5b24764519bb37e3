// What is held against those who fail: it grows, ages away, and has its bounds.
#include "auth/throttle.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "tests/support/skip.h"

using namespace usher;

namespace {

constexpr std::int64_t kStart = 1'700'000'000'000;
constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr FailureRule kRule{3, 5 * kMinute, 10 * kSecond, 60 * kMinute};

long memory_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return 0;
}

void fail(Throttle& throttle, const std::string& name, int times, std::int64_t now = kStart) {
  for (int i = 0; i < times; ++i) throttle.failed(name, kRule, now);
}

using Try = Throttle::Try;

}  // namespace

TEST_CASE("throttle: so many failures bring no penalty; each further one doubles it, up to the longest") {
  Throttle throttle(16);
  fail(throttle, "a", 3);
  CHECK(throttle.may_try("a", kRule, kStart) != Try::refused);
  std::int64_t penalty = 10 * kSecond;
  for (int i = 0; i < 20; ++i) {
    CAPTURE(i);
    throttle.failed("a", kRule, kStart);
    CHECK(throttle.may_try("a", kRule, kStart + penalty - 1) == Try::refused);
    CHECK(throttle.may_try("a", kRule, kStart + penalty) != Try::refused);
    penalty = std::min(2 * penalty, kRule.longest_penalty_ms);
  }
  CHECK(throttle.may_try("b", kRule, kStart) == Try::free);
}

TEST_CASE("throttle: failures are forgotten one at a time, and in the end the name is as good as new") {
  Throttle throttle(16);
  fail(throttle, "a", 4);
  CHECK(throttle.find("a")->failures_now(kStart + 5 * kMinute) == doctest::Approx(3));
  CHECK(throttle.may_try("a", kRule, kStart + 6 * kMinute) == Try::free);
  CHECK(throttle.find("a")->failures_now(kStart + 20 * kMinute) == 0);
  CHECK(throttle.find("a")->forgotten_at_ms() == kStart + 20 * kMinute);
}

TEST_CASE("throttle: who has failed too often is let through one at a time") {
  Throttle throttle(16);
  fail(throttle, "a", 4);
  const std::int64_t later = kStart + 11 * kSecond;
  REQUIRE(throttle.may_try("a", kRule, later) == Try::trial);
  throttle.begin_trial("a");
  CHECK(throttle.may_try("a", kRule, later) == Try::refused);
  throttle.end_trial("a");
  CHECK(throttle.may_try("a", kRule, later) == Try::trial);
}

TEST_CASE("throttle: without a rule nobody is refused and nothing is held") {
  Throttle throttle(16);
  const FailureRule none{0, kMinute, kSecond, kMinute};
  for (int i = 0; i < 100; ++i) throttle.failed("a", none, kStart);
  CHECK(throttle.may_try("a", none, kStart) == Try::free);
  CHECK(throttle.size() == 0);
}

TEST_CASE("throttle: a clock that is set back prolongs nothing, one that is set forward forgives") {
  Throttle throttle(16);
  fail(throttle, "a", 30);
  CHECK(throttle.may_try("a", kRule, kStart - 24 * 60 * kMinute) != Try::refused);
  CHECK(throttle.may_try("a", kRule, kStart + 24 * 60 * kMinute) == Try::free);
}

TEST_CASE("throttle: so many come a minute, and a place is free again bit by bit") {
  Throttle throttle(16);
  for (int i = 0; i < 60; ++i) CHECK(throttle.arrive("a", 60, kStart));
  for (int i = 0; i < 10; ++i) CHECK_FALSE(throttle.arrive("a", 60, kStart));
  CHECK(throttle.arrive("a", 60, kStart + kSecond));
  CHECK_FALSE(throttle.arrive("a", 60, kStart + kSecond));
  CHECK(throttle.arrive("b", 60, kStart));
  for (int i = 0; i < 60; ++i) CHECK(throttle.arrive("a", 60, kStart + 2 * kMinute));
  CHECK(throttle.arrive("a", 0, kStart + 2 * kMinute));
}

TEST_CASE("throttle: slips of the pen are forgiven") {
  Throttle throttle(16);
  fail(throttle, "a", 3);
  throttle.forgive("a", 2, kStart);
  CHECK(throttle.find("a")->failures_now(kStart) == doctest::Approx(1));
  throttle.forgive("a", 9, kStart);
  CHECK(throttle.find("a")->failures_now(kStart) == 0);
}

TEST_CASE("throttle: the last addresses of an account are known, for a time") {
  Throttle throttle(16);
  for (int i = 0; i < 5; ++i) throttle.logged_in_from("a", "192.0.2." + std::to_string(i), kStart + i);
  CHECK_FALSE(throttle.knows("a", "192.0.2.0", kStart));
  for (int i = 1; i < 5; ++i) CHECK(throttle.knows("a", "192.0.2." + std::to_string(i), kStart));
  throttle.logged_in_from("a", "192.0.2.1", kStart + 10);
  CHECK(throttle.knows("a", "192.0.2.1", kStart + 10));
  CHECK_FALSE(throttle.knows("a", "192.0.2.2", kStart + 10));
  CHECK_FALSE(throttle.knows("b", "192.0.2.1", kStart));
}

TEST_CASE("throttle: what is forgotten is gone, but for where an account logs in from") {
  Throttle throttle(16);
  fail(throttle, "a", 9);
  fail(throttle, "b", 9);
  throttle.logged_in_from("a", "192.0.2.1", kStart);
  CHECK(throttle.forget([](const ThrottleEntry& entry) { return entry.name == "a"; }) == std::vector<std::string>{"a"});
  CHECK(throttle.may_try("a", kRule, kStart) == Try::free);
  CHECK(throttle.knows("a", "192.0.2.1", kStart));
  CHECK(throttle.may_try("b", kRule, kStart) == Try::refused);
}

TEST_CASE("throttle: a refusal is news once a minute, and for another reason") {
  Throttle throttle(16);
  CHECK(throttle.note_refusal("a", 1, kStart));
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(throttle.note_refusal("a", 1, kStart + i));
  CHECK(throttle.note_refusal("a", 2, kStart + kSecond));
  CHECK(throttle.note_refusal("a", 2, kStart + kSecond + kMinute));
  CHECK(throttle.find("a")->refusals == 1003);
}

TEST_CASE("throttle: a name has one spelling and a bound, and long ones stay apart") {
  CHECK(throttle_name("Alice") == throttle_name("aLICE"));
  const std::string one = std::string(1000, 'x') + "1";
  const std::string other = std::string(1000, 'x') + "2";
  CHECK(throttle_name(one).size() <= 64);
  CHECK(throttle_name(one) != throttle_name(other));
  CHECK(throttle_name("\xC3\x84") == "\xC3\x84");
}

TEST_CASE("throttle: a million strangers neither grow it nor push out who has failed") {
  Throttle throttle(1024);
  const auto stranger = [](int number) { return "stranger " + std::to_string(number); };
  fail(throttle, "192.0.2.7", 12);
  throttle.logged_in_from("owner", "192.0.2.1", kStart);
  for (int i = 0; i < 300'000; ++i) {
    throttle.arrive(stranger(i), 60, kStart);
    fail(throttle, stranger(i), 1);
  }
  const long before = memory_kb();
  for (int i = 300'000; i < 1'300'000; ++i) {
    throttle.arrive(stranger(i), 60, kStart);
    fail(throttle, stranger(i), 1);
  }
  CHECK(throttle.size() == throttle.capacity());
  if (!testing::kSanitized) CHECK(memory_kb() - before < 1000);  // a sanitizer keeps what was freed, for a while
  CHECK(throttle.may_try("192.0.2.7", kRule, kStart) == Try::refused);
  CHECK(throttle.knows("owner", "192.0.2.1", kStart));
}
