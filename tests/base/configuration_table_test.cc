#include "base/configuration_table.h"

#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <type_traits>

using namespace usher;
using namespace usher::table;

namespace {

template <class Section, class Value, class Kind>
bool bounds_fit(const Key<Section, Value, Kind>& key) {
  if constexpr (std::is_same_v<Kind, Number>) {
    const bool least = key.kind.least >= static_cast<std::int64_t>(std::numeric_limits<Value>::min());
    return least && static_cast<std::uint64_t>(key.kind.most) <= std::numeric_limits<Value>::max();
  } else {
    return true;
  }
}

template <class Section, class Value, class Kind>
std::ptrdiff_t offset_of(const Key<Section, Value, Kind>& key) {
  static const Section section{};
  const auto address = [](const auto& object) { return reinterpret_cast<const char*>(&object); };
  return address(section.*(key.member)) - address(section);
}

}  // namespace

TEST_CASE("table: every row has a name of its own, a member of its own, a default and a sentence") {
  for_each_section([](const Section& section, const auto& keys) {
    CAPTURE(section.name);
    std::set<std::string_view> names;
    std::set<std::ptrdiff_t> members;
    for_each_key(keys, [&](const auto& key) {
      CAPTURE(key.name);
      CHECK(names.insert(key.name).second);
      CHECK(members.insert(offset_of(key)).second);
      CHECK_FALSE(key.preset.text.empty());
      CHECK(key.help.ends_with('.'));
    });
  });
}

TEST_CASE("table: the bounds of a number are within the range of its member") {
  for_each_section([](const Section&, const auto& keys) {
    for_each_key(keys, [](const auto& key) {
      CAPTURE(key.name);
      CHECK(bounds_fit(key));
    });
  });
}
