// The starter's workers: forked on the pool's request within the pool's maximum, ended, reaped, and swept up after.
//
// Model:  start() -> (template forks) -> forked or failed is reported -> ended is reported once the kernel has said so and what
//         a killed worker left behind is dead.
#pragma once

#include <sys/resource.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "worker/template_link.h"
#include "worker/worker_table.h"

namespace usher {

class WorkerSupervisor {
 public:
  struct Callbacks {
    std::function<void(const WorkerForked&)> forked;
    std::function<void(const WorkerFailed&)> failed;
    std::function<void(const WorkerEnded&)> ended;
    std::function<void()> swept;                // nothing is looked for any more
    std::function<bool(pid_t pid)> is_service;  // a child of the starter that is neither worker nor template
  };

  WorkerSupervisor(EventLoop& loop, Callbacks callbacks);

  WorkerTable& table() noexcept { return table_; }
  TemplateLink& pattern() noexcept { return template_; }

  // Errors: ProtocolError for an order no honest pool gives.
  void start(const StartWorker& order, std::vector<UniqueFd> channels, std::shared_ptr<const Configuration> configuration);
  void refuse(std::uint32_t number, const std::string& reason) { callbacks_.failed({number, reason}); }

  // From now on workers are ended as soon as there is one.
  void stop(std::chrono::milliseconds delay, bool sessions_too);
  // What killed workers left behind is being looked for.
  bool sweeping() const noexcept { return orphans_; }
  // Nothing lives and nothing is being looked for.
  bool idle() const { return table_.size() == 0 && !orphans_; }

  // Something below the starter died that could not end what it had started.
  void look_for_orphans();

  // The starter has reaped this pid. False when it was neither a worker nor a template.
  bool ended(pid_t pid, int status, const rusage& usage);

 private:
  void forked(std::uint32_t number, pid_t pid);
  void failed(std::uint32_t number, const std::string& reason);
  void report_end(std::uint32_t number, int status, const rusage& usage);
  void kill_orphans();

  EventLoop& loop_;
  Callbacks callbacks_;
  WorkerTable table_;
  TemplateLink template_;
  struct End {
    int status;
    rusage usage;
  };
  std::map<pid_t, End> early_ends_;  // of children nobody knows, while the template may still say that it forked them
  bool stopping_ = false;
  bool orphans_ = false;
  EventLoop::Timer orphan_timer_;
};

}  // namespace usher
