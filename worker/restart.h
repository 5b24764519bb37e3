// usher restart: listener, pool, or with both the starter itself are replaced by new processes of the programs as they are on
// disk now, while clients and workers wait a moment.
//
// Model:  the listener leaves when every client it holds has a worker; new ones wait in the sockets' backlog. Then the pool
//         leaves, with everything written; workers come back to the next one. Then the starter executes itself.
#pragma once

#include <functional>
#include <string>

#include "worker/control.h"
#include "worker/service.h"
#include "worker/starter_state.h"
#include "worker/worker_supervisor.h"

namespace usher {

class Restart {
 public:
  struct Parts {
    Service& listener;
    Service& pool;
    WorkerSupervisor& workers;
    std::function<std::string()> execute_anew;  // returns only when it failed, with the reason
  };

  Restart(EventLoop& loop, Parts parts) : loop_(loop), parts_(std::move(parts)) {}

  bool under_way() const noexcept { return call_ != nullptr; }
  const Control::CallPtr& call() const noexcept { return call_; }
  // `patience`: how long a client may wait for a worker.
  void begin(const Control::CallPtr& call, const AskRestart& what, std::chrono::milliseconds patience);
  // Goes on with what the starter before this one began.
  void resume(const Control::CallPtr& call, const AskRestart& what);
  // Listener and pool are ready.
  void all_ready();

 private:
  void pool_next();
  void starter_next();
  void start_again();

  EventLoop& loop_;
  Parts parts_;
  Control::CallPtr call_;
  AskRestart what_;
  std::string failure_;
  EventLoop::Timer check_;
};

// There is no way back once the starter has become a new program: what can be found out is found out before. Empty, or why not;
// faults of the configuration are the call's progress.
std::string fault_of_next_starter(const std::string& configuration, const ServerConfig& present, Control::Call& call);

// Becomes the starter as it is on disk now. Returns only when that failed, with the reason.
std::string execute_starter_anew(const StarterState& state, const std::string& configuration);

}  // namespace usher
