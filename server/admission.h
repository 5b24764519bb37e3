// Who is logging in, and who has to make way when there are too many: the longest there of the network that has most.
//
// Cost:   logarithmic in the number of connections, whatever is asked.
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
  using Serials = std::set<std::uint64_t>;  // rise with time
  // The last one is to make way: of the networks that have most the one with the oldest connection.
  struct Rank {
    std::size_t count;
    std::uint64_t oldest;
    bool operator<(const Rank& other) const { return count != other.count ? count < other.count : oldest > other.oldest; }
  };
  struct Logins {
    std::size_t count = 0;
    std::map<std::string, Serials> by_network;
    std::set<Rank> ranks;  // of the networks; a serial is of one network only
  };
  static Rank rank_of(const Serials& serials) { return {serials.size(), *serials.begin()}; }
  std::map<std::string, Logins> by_listener_;
};

}  // namespace usher
