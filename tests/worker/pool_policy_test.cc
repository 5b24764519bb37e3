#include "worker/pool_policy.h"

#include <doctest/doctest.h>

#include "worker/pool_places.h"

using namespace usher;

namespace {

PoolConfig pool(std::uint32_t initial, std::uint32_t threshold, std::uint32_t additional, std::uint32_t maximum) {
  PoolConfig config;
  config.initial = initial;
  config.threshold = threshold;
  config.additional = additional;
  config.maximum = maximum;
  return config;
}

Configuration limited(std::uint32_t listener, std::uint32_t program, std::uint32_t user) {
  Configuration configuration;
  configuration.listeners.resize(1);
  configuration.listeners[0].name = "front";
  configuration.listeners[0].max_sessions = listener;
  configuration.programs.resize(1);
  configuration.programs[0].name = "echo";
  configuration.programs[0].max_sessions = program;
  configuration.programs[0].max_sessions_per_user = user;
  return configuration;
}

}  // namespace

TEST_CASE("pool policy: the first workers are `initial`, less those there are") {
  CHECK(workers_to_start(pool(3, 1, 2, 10), {0, 0, 0}, true) == 3);
  CHECK(workers_to_start(pool(3, 1, 2, 10), {1, 1, 2}, true) == 1);
  CHECK(workers_to_start(pool(3, 1, 2, 10), {3, 0, 3}, true) == 0);
  CHECK(workers_to_start(pool(1, 3, 2, 10), {1, 0, 1}, true) == 2);
}

TEST_CASE("pool policy: later `additional` at a time, when fewer than `threshold` are or will be ready") {
  CHECK(workers_to_start(pool(3, 2, 4, 10), {2, 0, 5}, false) == 0);
  CHECK(workers_to_start(pool(3, 2, 4, 10), {1, 1, 5}, false) == 0);
  CHECK(workers_to_start(pool(3, 2, 4, 10), {1, 0, 5}, false) == 4);
  CHECK(workers_to_start(pool(3, 2, 0, 10), {0, 0, 5}, false) == 0);
}

TEST_CASE("pool policy: never past `maximum`, whatever already is") {
  CHECK(workers_to_start(pool(3, 2, 4, 10), {0, 0, 8}, false) == 2);
  CHECK(workers_to_start(pool(3, 2, 4, 10), {0, 0, 10}, false) == 0);
  CHECK(workers_to_start(pool(3, 2, 4, 10), {0, 0, 12}, false) == 0);
  CHECK(workers_to_start(pool(8, 2, 4, 5), {0, 0, 0}, true) == 5);
}

TEST_CASE("places: each limit holds by itself, and a place given back is free again") {
  struct Case {
    Configuration configuration;
    SessionPlace one;
    SessionPlace other;
    bool other_has_room;
  };
  const SessionPlace alice{"front", "echo", "alice"};
  const SessionPlace bob{"front", "echo", "bob"};
  for (const auto& [configuration, one, other, other_has_room] :
       {Case{limited(1, 0, 0), alice, bob, false}, Case{limited(0, 1, 0), alice, bob, false},
        Case{limited(0, 0, 1), alice, alice, false}, Case{limited(0, 0, 1), alice, bob, true},
        Case{limited(1, 0, 0), alice, {"back", "echo", "bob"}, true}, Case{limited(0, 1, 0), alice, {"front", "cat", "bob"}, true}}) {
    SessionPlaces places;
    REQUIRE(places.has_room(configuration, one));
    places.take(one);
    CHECK(places.has_room(configuration, other) == other_has_room);
    places.give_back(one);
    CHECK(places.has_room(configuration, other));
  }
}

TEST_CASE("places: what the configuration does not have any more is without limit") {
  SessionPlaces places;
  const SessionPlace gone{"gone", "gone", "alice"};
  for (int i = 0; i < 100; ++i) places.take(gone);
  CHECK(places.has_room(limited(1, 1, 1), gone));
}
