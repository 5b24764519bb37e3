// The starter's side of the template: starts it, asks it for workers, makes it anew.
//
// Model:  a new template is prepared beside the one in use and takes its place when it is ready, so that neither a reload nor
//         a renewal leaves a moment without one; a new one that fails changes nothing. The replaced one is asked for nothing
//         more and goes when its last answer has come. One that dies fails the requests it had not answered.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/link.h"
#include "worker/spawn.h"
#include "worker/starter_messages.h"

namespace usher {

class TemplateLink {
 public:
  struct Callbacks {
    std::function<void(std::uint32_t number, pid_t pid)> forked;
    std::function<void(std::uint32_t number, const std::string& reason)> failed;
  };
  using Prepared = std::function<void(const std::string& failure)>;  // empty: it is in use from now on

  TemplateLink(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

  void set_order(SpawnOrder order) { order_ = std::move(order); }
  // Prepares a template for a generation. One preparation at a time: a former one is given up.
  void prepare(std::uint32_t generation, UniqueFd sealed, Prepared prepared);
  // A new template for the generation in use, at most once a second.
  void renew();
  // Asks the template in use; the request waits while there is none or it is held.
  void fork_worker(const ForkWorker& order, std::vector<UniqueFd> channels);
  // While held nothing is asked for: then no child of the starter is unknown to it once outstanding() is 0.
  void hold(bool held);
  std::size_t outstanding() const;

  bool owns(pid_t pid) const;
  // The starter has reaped this pid. False when it was no template.
  bool ended(pid_t pid, int wait_status);
  void stop();

 private:
  struct Process {
    pid_t pid = 0;
    bool reaped = false;  // the number may be another process's by now
    std::uint32_t generation = 0;
    UniqueFd sealed;
    Prepared prepared;
    std::unique_ptr<Link> link;
    Gate gate{kTemplateReports};
    std::string reason;  // of a failure, in its own words
    std::set<std::uint32_t> asked;
    EventLoop::Timer patience;  // with a module that does not load
  };
  using ProcessPtr = std::unique_ptr<Process>;
  struct Waiting {
    ForkWorker order;
    std::vector<UniqueFd> channels;
  };

  ProcessPtr start(std::uint32_t generation, UniqueFd sealed, Prepared prepared);
  void start_again();
  void hear_last_words(pid_t pid);
  void hear(Process& process, Packet& packet);
  void in_use(Process& process);
  void answered(Process& process, std::uint32_t number);
  void fail_waiting(const std::string& reason);
  void send_waiting();
  void retire(ProcessPtr process);
  ProcessPtr take(pid_t pid);

  EventLoop& loop_;
  Callbacks callbacks_;
  SpawnOrder order_;
  ProcessPtr current_;    // ready
  ProcessPtr candidate_;  // preparing
  std::vector<ProcessPtr> retired_;
  std::uint32_t generation_ = 0;  // of the template in use, also while it is being replaced
  UniqueFd sealed_;
  std::deque<Waiting> waiting_;
  bool held_ = false;
  bool stopping_ = false;
  Instant made_at_{};
  EventLoop::Timer next_start_;
};

}  // namespace usher
