// Places for sessions: how many a listener, a program, and a user in a program may have at one time.
//
// Model:  a place is taken when a worker's claim is granted, and given back when the starter says that the worker is
// gone:
//         the count is a count of processes, so it cannot drift.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "base/configuration.h"

namespace usher {

struct SessionPlace {
  std::string listener;
  std::string program;
  std::string user;
  bool reserved = false;  // for an administrator
};

class SessionPlaces {
 public:
  // Is there room for one more? Listeners and programs that the configuration has no more have no limit: what runs goes
  // on.
  bool has_room(const Configuration& configuration, const SessionPlace& place) const;
  void take(const SessionPlace& place);
  void give_back(const SessionPlace& place);

 private:
  template <class Key>
  static std::uint32_t count(const std::map<Key, std::uint32_t>& counts, const Key& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  }

  std::map<std::string, std::uint32_t> by_listener_;
  std::map<std::string, std::uint32_t> others_by_listener_;  // that are not reserved
  std::map<std::string, std::uint32_t> by_program_;
  std::map<std::pair<std::string, std::string>, std::uint32_t> by_program_and_user_;
};

}  // namespace usher
