// The listener's sockets: one place for each listener of the configuration, where clients are accepted.
//
// Model:  with the last socket a new configuration is complete, and follow() puts its places in force. A socket that it has no
//         more is given up (base/outgoing_socket.h): who has connected there belongs to the listener of that name as it is now.
//         While descriptors or memory are short nobody is accepted: clients wait in the backlog.
// Shape:  public listeners have a place without a socket: theirs are elsewhere.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "base/configuration.h"
#include "base/endpoint.h"
#include "base/event_loop.h"
#include "base/network.h"
#include "base/shortage.h"
#include "base/unique_fd.h"

namespace usher {

struct ListeningPlace {
  ListenerConfig config;
  bool may_wait = true;  // clients, for a worker
  std::vector<Network> proxies;
  UniqueFd socket{};
  EventLoop::Watch watch{};
};

class ListeningPlaces {
 public:
  struct Callbacks {
    std::function<void(const ListeningPlace&, UniqueFd client, const Endpoint& from)> admit;
    std::function<void(const ListeningPlace&, UniqueFd client)> refuse;  // of a listener that is no more
    std::function<bool()> ready;  // false: who is taken in now might be lost
  };
  ListeningPlaces(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

  // The next configuration's, without their sockets.
  void prepare(std::vector<ListeningPlace> next) { next_ = std::move(next); }
  // Of the place of that number in the next configuration.
  void take_socket(std::size_t number, UniqueFd socket) { next_.at(number).socket = std::move(socket); }
  bool next_is_complete() const;
  void follow();

  const std::vector<ListeningPlace>& all() const noexcept { return places_; }
  // Null when clients have no listener of that name.
  const ListeningPlace* named(const std::string& name) const;
  // Its number in the configuration; 0 when there is none of that name.
  std::uint16_t number_of(const std::string& name) const;

  // New clients wait in the backlog until it is ready again.
  void rest();
  // New clients wait in the backlog for another process. Those of sockets that are given up are accepted still.
  void stop_accepting();
  // Of the latter.
  bool gives_up() const noexcept { return !outgoing_.empty(); }
  void close();

 private:
  struct Outgoing {
    ListeningPlace place;
    EventLoop::Timer end;
  };

  void watch(ListeningPlace& place);
  void watch_all();
  void accept(const ListeningPlace& place);
  void meet(const ListeningPlace& place, UniqueFd client, const Endpoint& from);
  void pause(int error);
  void rest(Clock::duration time);
  void resume();
  bool has_socket(int socket) const;
  void give_up(ListeningPlace place);

  EventLoop& loop_;
  Callbacks callbacks_;
  std::vector<ListeningPlace> places_;
  std::vector<ListeningPlace> next_;
  std::list<Outgoing> outgoing_;
  EventLoop::Timer resume_;
  Complaint complaint_;
  bool stopped_ = false;
};

}  // namespace usher
