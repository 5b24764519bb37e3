// The limits as clients meet them, and what outlives the listener.
#include "server/client_limits.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/system.h"
#include "server/limit_keeper.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/wait_until.h"

using namespace usher;
using namespace usher::testing;

namespace {

constexpr std::int64_t kMinute = 60'000;

LimitsConfig strict() {
  LimitsConfig config;
  config.ipv4_prefix = 24;
  config.ipv6_prefix = 64;
  config.connections_per_address = 3;
  config.connections_per_network = 5;
  config.failures_per_address = 4;
  config.failures_per_network = 100;
  config.failures_per_account = 2;
  config.failure_memory = std::chrono::minutes(5);
  config.penalty = std::chrono::seconds(10);
  config.longest_penalty = std::chrono::hours(1);
  config.known_address_memory = std::chrono::hours(24);
  return config;
}

struct Door {
  explicit Door(const LimitsConfig& config = strict(), const ReservedConfig& reserved = {}) {
    limits.configure(config, reserved);
  }

  Guest guest(const std::string& host) { return limits.guest(*endpoint_of(host, 4000)); }
  LimitReason enter(const std::string& host) {
    Guest one = guest(host);
    const LimitReason reason = limits.enter(one);
    inside.push_back(std::move(one));
    return reason;
  }
  LimitReason attempt(const std::string& host, const std::string& account, bool right) {
    Guest one = guest(host);
    if (const auto reason = limits.enter(one); reason != LimitReason::none) return reason;
    const LimitReason reason = limits.attempt(one, account);
    if (reason == LimitReason::none && right) limits.succeeded(one);
    if (reason == LimitReason::none && !right) limits.failed(one);
    limits.leave(one);
    return reason;
  }
  void leave_all() {
    for (Guest& one : inside) limits.leave(one);
    inside.clear();
  }

  std::int64_t now = 1'700'000'000'000;
  std::vector<Guest> inside;
  Limits limits{[](LimitKind, const std::string&) {}, [this] { return now; }};
};

}  // namespace

TEST_CASE("limits: so many connections of an address and of a network, and one more when one has left") {
  Door door;
  for (int i = 0; i < 3; ++i) CHECK(door.enter("192.0.2.1") == LimitReason::none);
  CHECK(door.enter("192.0.2.1") == LimitReason::connections);
  for (int i = 0; i < 2; ++i) CHECK(door.enter("192.0.2.2") == LimitReason::none);
  CHECK(door.enter("192.0.2.3") == LimitReason::connections);
  CHECK(door.enter("198.51.100.1") == LimitReason::none);
  door.limits.leave(door.inside.front());
  door.limits.leave(door.inside.front());  // counts once
  CHECK(door.enter("192.0.2.1") == LimitReason::none);
  CHECK(door.enter("192.0.2.1") == LimitReason::connections);
  CHECK(door.limits.take_refusals()[LimitReason::connections] == 3);
  door.leave_all();
  for (int i = 0; i < 3; ++i) CHECK(door.enter("192.0.2.1") == LimitReason::none);
}

TEST_CASE("limits: the addresses of one IPv6 network count together, whatever their last half is") {
  Door door;
  for (int i = 0; i < 5; ++i) CHECK(door.enter("2001:db8:0:1::" + std::to_string(i + 1)) == LimitReason::none);
  CHECK(door.enter("2001:db8:0:1:ffff::1") == LimitReason::connections);
  CHECK(door.enter("2001:db8:0:2::1") == LimitReason::none);
}

TEST_CASE("limits: new connections a minute") {
  LimitsConfig config = strict();
  config.rate_per_address = 2;
  config.connections_per_address = config.connections_per_network = 0;
  Door door(config);
  CHECK(door.enter("192.0.2.1") == LimitReason::none);
  CHECK(door.enter("192.0.2.1") == LimitReason::none);
  CHECK(door.enter("192.0.2.1") == LimitReason::rate);
  door.now += kMinute / 2;
  CHECK(door.enter("192.0.2.1") == LimitReason::none);
  CHECK(door.enter("192.0.2.1") == LimitReason::rate);
}

TEST_CASE("limits: failed logins of an address as anybody bring a penalty, that passes") {
  Door door;
  for (int i = 0; i < 5; ++i) CHECK(door.attempt("192.0.2.1", "user" + std::to_string(i), false) == LimitReason::none);
  CHECK(door.attempt("192.0.2.1", "another", true) == LimitReason::failures);
  CHECK(door.attempt("192.0.2.2", "another", true) == LimitReason::none);
  door.now += 10'000;
  CHECK(door.attempt("192.0.2.1", "another", true) == LimitReason::none);
}

TEST_CASE("limits: whose account is under attack is slowed for strangers, and logs in from where it lately has") {
  for (const std::string account : {"owner", "nobody-of-that-name"}) {
    Door door;
    if (account == "owner") CHECK(door.attempt("203.0.113.9", "owner", true) == LimitReason::none);
    for (int i = 0; i < 3; ++i) CHECK(door.attempt("192.0.2." + std::to_string(i), account, false) == LimitReason::none);
    CHECK(door.attempt("198.51.100.1", account, true) == LimitReason::account);
    CHECK(door.attempt("198.51.100.1", "other", true) == LimitReason::none);
    if (account == "owner") CHECK(door.attempt("203.0.113.9", "Owner", true) == LimitReason::none);
    door.now += 10'000;
    CHECK(door.attempt("198.51.100.1", account, false) == LimitReason::none);
    CHECK(door.attempt("198.51.100.1", account, false) == LimitReason::account);
  }
}

TEST_CASE("limits: who is on trial holds up others only until it is gone") {
  Door door;
  for (int i = 0; i < 3; ++i) door.attempt("192.0.2.1", "owner", false);
  door.now += 10'000;
  Guest first = door.guest("198.51.100.1");
  CHECK(door.limits.attempt(first, "owner") == LimitReason::none);
  CHECK(door.attempt("198.51.100.2", "owner", true) == LimitReason::account);
  door.limits.leave(first);
  CHECK(door.attempt("198.51.100.2", "owner", true) == LimitReason::none);
}

TEST_CASE("limits: mistyping before a login is forgiven; guesses at others are not bought with a login of one's own") {
  Door door;
  Guest guest = door.guest("192.0.2.1");
  const auto fail = [&](const std::string& account) {
    REQUIRE(door.limits.attempt(guest, account) == LimitReason::none);
    door.limits.failed(guest);
  };
  fail("own");
  fail("own");
  REQUIRE(door.limits.attempt(guest, "own") == LimitReason::none);
  door.limits.succeeded(guest);
  CHECK(door.limits.find(LimitKind::origin, "192.0.2.1")->failures == 0);
  fail("other");
  REQUIRE(door.limits.attempt(guest, "own") == LimitReason::none);
  door.limits.succeeded(guest);
  CHECK(door.limits.find(LimitKind::origin, "192.0.2.1")->failures == doctest::Approx(1));
}

TEST_CASE("limits: exempt and reserved networks are neither limited nor counted") {
  LimitsConfig config = strict();
  config.exempt_networks = {"192.0.2.0/24", "unix"};
  ReservedConfig reserved;
  reserved.networks = {"198.51.100.0/24"};
  Door door(config, reserved);
  for (int i = 0; i < 20; ++i) {
    CHECK(door.enter("192.0.2.1") == LimitReason::none);
    CHECK(door.enter("198.51.100.1") == LimitReason::none);
    CHECK(door.attempt("192.0.2.1", "owner", false) == LimitReason::none);
  }
  CHECK_FALSE(door.guest("192.0.2.1").reserved);
  CHECK(door.guest("198.51.100.1").reserved);
  CHECK(door.limits.size() == 0);
}

TEST_CASE("limits: forgotten by address, by network, by account, and all") {
  for (const std::string what : {"192.0.2.1", "192.0.2.0/24", "owner", "OWNER", "all"}) {
    CAPTURE(what);
    Door door;
    for (int i = 0; i < 3; ++i) door.attempt("192.0.2.1", "owner", false);
    for (int i = 0; i < 2; ++i) door.attempt("192.0.2.1", "else", false);
    door.limits.forget(what);
    const bool by_name = what == "owner" || what == "OWNER";
    CHECK((door.enter("192.0.2.1") == LimitReason::none) == !by_name);
    CHECK((door.attempt("198.51.100.1", "owner", true) == LimitReason::none) == (by_name || what == "all"));
  }
}

TEST_CASE("limits: kept where a new listener finds them, and a wish to forget is fulfilled") {
  const TemporaryDirectory directory;
  check(::mkdir(directory.path("db").c_str(), 0700), "mkdir");
  EventLoop loop;
  struct Kept {
    explicit Kept(EventLoop& loop) : keeper(loop, limits) { limits.configure(strict(), {}); }
    LimitKeeper keeper;
    Limits limits{[this](LimitKind kind, const std::string& name) { keeper.note(kind, name); }, wall_clock_ms};
  };
  const auto run_until = [&](const std::function<bool()>& holds) {
    return wait_until([&] {
      const auto soon = loop.after(std::chrono::milliseconds(5), [] {});
      loop.run_once();
      return holds();
    });
  };
  Guest guest;
  {
    Kept first(loop);
    first.keeper.open(directory.path());
    guest = first.limits.guest(*endpoint_of("192.0.2.1", 1));
    first.limits.attempt(guest, "owner");
    first.limits.succeeded(guest);
    guest = first.limits.guest(*endpoint_of("198.51.100.1", 1));
    for (int i = 0; i < 9; ++i) {
      first.limits.attempt(guest, "own\xFF" "er\n");
      first.limits.failed(guest);
    }
    LimitRecords reader(directory.path(), LimitRecords::Open::existing);
    CHECK(run_until([&] { return reader.all().size() == 4; }));
    CHECK(run_until([&] { return reader.refusals()["failures"] == 4; }));
  }
  Kept second(loop);
  second.keeper.open(directory.path());
  CHECK(second.limits.enter(guest) == LimitReason::failures);
  Guest known = second.limits.guest(*endpoint_of("192.0.2.1", 1));
  for (int i = 0; i < 4; ++i) {
    Guest stranger = second.limits.guest(*endpoint_of("203.0.113." + std::to_string(i), 1));
    second.limits.attempt(stranger, "owner");
    second.limits.failed(stranger);
  }
  CHECK(second.limits.attempt(known, "owner") == LimitReason::none);

  LimitRecords wisher(directory.path(), LimitRecords::Open::existing);
  wisher.wish("198.51.100.1");
  CHECK(run_until([&] { return !wisher.has_wishes(); }));
  CHECK(second.limits.enter(guest) == LimitReason::none);
  for (const LimitRecord& record : wisher.all()) CHECK(record.name != "198.51.100.1");
}
