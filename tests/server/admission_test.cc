#include "server/admission.h"

#include <doctest/doctest.h>

using namespace usher;

TEST_CASE("admission: counts are those of the logins that are there") {
  Admission admission;
  CHECK(admission.count("front") == 0);
  CHECK(admission.victim("front") == 0);
  admission.add("front", "192.0.2.0/24", 1);
  admission.add("front", "192.0.2.0/24", 1);
  admission.add("back", "192.0.2.0/24", 2);
  CHECK(admission.count("front") == 1);
  admission.remove("front", "192.0.2.0/24", 1);
  admission.remove("front", "192.0.2.0/24", 1);
  admission.remove("front", "198.51.100.0/24", 9);
  admission.remove("nowhere", "", 9);
  CHECK(admission.count("front") == 0);
  CHECK(admission.victim("front") == 0);
  CHECK(admission.count("back") == 1);
}

TEST_CASE("admission: the oldest login of the network that has most makes way") {
  Admission admission;
  admission.add("front", "192.0.2.0/24", 1);
  for (std::uint64_t serial = 2; serial <= 10; ++serial) admission.add("front", "203.0.113.0/24", serial);
  CHECK(admission.victim("front") == 2);
  admission.remove("front", "203.0.113.0/24", 2);
  CHECK(admission.victim("front") == 3);
  for (std::uint64_t serial = 3; serial <= 10; ++serial) admission.remove("front", "203.0.113.0/24", serial);
  CHECK(admission.victim("front") == 1);
}

TEST_CASE("admission: of networks that have as many the one whose connection is oldest makes way") {
  Admission admission;
  admission.add("front", "203.0.113.0/24", 7);
  admission.add("front", "192.0.2.0/24", 3);
  admission.add("front", "198.51.100.0/24", 5);
  for (const std::uint64_t oldest : {3U, 5U, 7U}) {
    CHECK(admission.victim("front") == oldest);
    for (const char* network : {"203.0.113.0/24", "192.0.2.0/24", "198.51.100.0/24"}) admission.remove("front", network, oldest);
  }
  CHECK(admission.victim("front") == 0);
}
