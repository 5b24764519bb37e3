// Clients that wait in the listener for a worker, kept a second time here: a listener that is killed loses none of them.
//
// Model:  the listener parks a client that it cannot hand over at once, and takes it back before it does. The next listener
//         gets what is here, and goes on as the one before would have.
// Trust:  nothing is read from these descriptors, nor written to them; the words that come along are given back as they came.
// Shape:  at most kMost, and none that is one of this process's last descriptors: those who are not kept wait all the same.
#pragma once

#include <cstdint>
#include <map>

#include "base/service_messages.h"
#include "base/unique_fd.h"
#include "worker/service.h"

namespace usher {

class ParkedClients {
 public:
  static constexpr std::size_t kMost = 4096;

  void park(const ParkClient& client, UniqueFd fd);
  void unpark(std::uint64_t serial) { clients_.erase(serial); }
  // Copies of all of them.
  void give_to(Service& listener) const;
  void clear() noexcept { clients_.clear(); }

 private:
  struct Parked {
    ParkClient client;
    UniqueFd fd;
  };
  std::map<std::uint64_t, Parked> clients_;  // by serial: in order of arrival
};

}  // namespace usher
