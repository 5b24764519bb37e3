// Clients whose login is over, for as long as their workers live: they still count with their address, and with their pool.
//
// Model:  the worker keeps its channel to the listener until it ends; that end is heard here. So a count is one of channels.
//         Sessions of before this listener was started are not among them.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "server/visitor.h"

namespace usher {

class Sessions {
 public:
  using Ended = std::function<void(Visitor&)>;
  explicit Sessions(Ended ended) : ended_(std::move(ended)) {}

  // Keeps the visitor, of which the descriptor is gone.
  void add(VisitorPtr visitor, std::unique_ptr<Delivery> delivery);
  std::size_t size() const noexcept { return sessions_.size(); }

 private:
  struct Session {
    VisitorPtr visitor;
    std::unique_ptr<Delivery> delivery;
  };

  Ended ended_;
  std::map<std::uint64_t, Session> sessions_;
};

}  // namespace usher
