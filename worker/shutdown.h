// usher stop: what runs is ended, or with --drain waited for; then listener and pool, who report on it, go, and with them Usher.
//
// Model:  begin() -> nobody new -> the last worker and the last public program are gone -> listener and pool are gone -> `gone`.
//         While it drains each call hears now and then how many programs are still waited for; a stop without --drain
//         overtakes one with it.
#pragma once

#include <functional>
#include <vector>

#include "worker/control.h"
#include "worker/public_services.h"
#include "worker/service.h"
#include "worker/worker_supervisor.h"

namespace usher {

class Shutdown {
 public:
  struct Parts {
    Service& listener;
    Service& pool;
    WorkerSupervisor& workers;
    PublicServices& publics;
    // Of all listeners; or of public ones alone, while at the others clients are told that Usher is busy.
    enum class Sockets { all, of_public };
    std::function<void(Sockets)> close_sockets;
    std::function<void()> gone;
  };
  Shutdown(EventLoop& loop, Parts parts) : loop_(loop), parts_(std::move(parts)) {}

  bool under_way() const noexcept { return under_way_; }
  // `call` may be empty.
  void begin(const Control::CallPtr& call, bool drain);
  // A child has ended, or there are fewer programs.
  void go_on();
  // The last word to all who have called.
  void answer();

 private:
  void insist();
  void end_services();
  void show_progress_later();
  void show_progress();
  std::size_t programs() const;

  EventLoop& loop_;
  Parts parts_;
  bool under_way_ = false;
  bool draining_ = false;
  bool services_told_ = false;
  std::vector<Control::CallPtr> calls_;
  EventLoop::Timer patience_;
  EventLoop::Timer progress_;
  std::size_t shown_ = 0;
};

}  // namespace usher
