// Keys and their relations.
#pragma once

#include <string_view>

#include "usher/data_queue.h"

namespace usher {

// std::string_view compares as unsigned bytes (char_traits<char>).
constexpr bool stands_in(KeyOrder order, std::string_view key, std::string_view given) noexcept {
  const int comparison = key.compare(given);
  switch (order) {
    case KeyOrder::eq: return comparison == 0;
    case KeyOrder::ne: return comparison != 0;
    case KeyOrder::lt: return comparison < 0;
    case KeyOrder::le: return comparison <= 0;
    case KeyOrder::gt: return comparison > 0;
    case KeyOrder::ge: return comparison >= 0;
  }
  return false;
}

// A selection as a queue takes it: the key of full length.
struct KeyCondition {
  KeyOrder order;
  std::string key;
};

}  // namespace usher
