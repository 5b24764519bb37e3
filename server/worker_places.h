// How many workers of a pool clients may have that are not from reserved networks: the rest of its maximum stays free.
//
// Model:  a client has a place from when it may be given a worker until that worker is gone. Without a place it waits here, in
//         order of arrival, for one that leaves. Where nothing is kept free everybody has a place at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_set>

#include "server/visitor.h"

namespace usher {

class WorkerPlaces {
 public:
  // `admitted`: one that waited has a place now.
  explicit WorkerPlaces(std::function<void(const VisitorPtr&)> admitted) : admitted_(std::move(admitted)) {}

  // How many others may have workers of a pool; a pool that is not named has no such bound.
  void configure(std::map<std::string, std::uint32_t> most);

  // True when it has a place, now or by now.
  bool enter(const VisitorPtr& visitor);
  // It waits no more, and its place goes to the next.
  void leave(const Visitor& visitor);

 private:
  struct Pool {
    std::unordered_set<std::uint64_t> inside;  // serials
    Pending waiting;
  };

  bool has_room(const std::string& name, const Pool& pool) const;
  void admit_waiting(const std::string& name, Pool& pool);

  std::function<void(const VisitorPtr&)> admitted_;
  std::map<std::string, std::uint32_t> most_;
  std::map<std::string, Pool> pools_;
};

}  // namespace usher
