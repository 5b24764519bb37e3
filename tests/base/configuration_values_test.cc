#include "base/configuration_values.h"

#include <doctest/doctest.h>

using namespace usher;
using namespace std::chrono_literals;

TEST_CASE("configuration: durations are a number and a unit") {
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("0s") == 0ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("2h") == 2h);
  CHECK(parse_duration("1d") == 24h);
}

TEST_CASE("configuration: sizes are a number, with or without a unit of 1,024") {
  CHECK(parse_size("0") == 0);
  CHECK(parse_size("512") == 512);
  CHECK(parse_size("64k") == 65'536);
  CHECK(parse_size("64K") == 65'536);
  CHECK(parse_size("1M") == 1'048'576);
  CHECK(parse_size("2G") == 2'147'483'648);
  CHECK(parse_size("1T") == 1'099'511'627'776);
}

TEST_CASE("configuration: anything else is neither a duration nor a size") {
  for (const char* text : {"", "s", "30", "-1s", "+1s", "1.5s", " 1s", "1 s", "1s ", "1m30s", "1S", "0x1s", "1w",
                           "9223372036854775807d", "99999999999999999999s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
  for (const char* text :
       {"", "k", "-1", "+1", "1.5M", " 1", "1 k", "1m", "1g", "1kB", "9223372036854775807T", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
  }
}

TEST_CASE("configuration: values are shown in the largest unit that says them exactly") {
  CHECK(duration_text(0ms) == "0s");
  CHECK(duration_text(1500ms) == "1500ms");
  CHECK(duration_text(90s) == "90s");
  CHECK(duration_text(60s) == "1m");
  CHECK(duration_text(48h) == "2d");
  CHECK(size_text(0) == "0");
  CHECK(size_text(1000) == "1000");
  CHECK(size_text(65'536) == "64k");
  CHECK(size_text(1'536ULL << 20U) == "1536M");
}
