// Who is logging in, and who has to make way when there are too many: the longest there of the network that has most.
//
// Model:  counts are sizes of the lists themselves, so they cannot drift. A connection is here from accept until its login is
//         over or it is evicted.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace usher {

class Admission {
 public:
  void add(const std::string& listener, const std::string& network, std::uint64_t serial);
  void remove(const std::string& listener, const std::string& network, std::uint64_t serial);
  std::size_t count(const std::string& listener) const;
  // The serial of the connection to evict; 0 when there is none.
  std::uint64_t victim(const std::string& listener) const;

 private:
  struct Logins {
    std::size_t count = 0;
    std::map<std::string, std::set<std::uint64_t>> by_network;  // serials rise with time
  };
  std::map<std::string, Logins> by_listener_;
};

}  // namespace usher
