#include "worker/worker_supervisor.h"

#include <sys/wait.h>

#include "base/log.h"
#include "worker/descendants.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

std::uint64_t microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_usec);
}

bool exited_as(int status, WorkerExit how) { return WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(how); }

}  // namespace

WorkerSupervisor::WorkerSupervisor(EventLoop& loop, Callbacks callbacks)
    : loop_(loop),
      callbacks_(std::move(callbacks)),
      table_(loop),
      template_(loop, {[this](std::uint32_t number, pid_t pid) { forked(number, pid); },
                       [this](std::uint32_t number, const std::string& reason) { failed(number, reason); }}) {}

void WorkerSupervisor::start(const StartWorker& order, std::vector<UniqueFd> channels,
                             std::shared_ptr<const Configuration> configuration) {
  for (const UniqueFd& channel : channels) check_is_channel(channel.get());
  if (order.number == 0 || order.number > kMaxJobNumber || table_.has(order.number)) {
    throw ProtocolError("a job number is out of range or in use");
  }
  if (order.pool >= configuration->pools.size()) throw ProtocolError("there is no such pool");
  if (stopping_) return refuse(order.number, "Usher stops");
  const PoolConfig& pool = configuration->pools[order.pool];
  if (table_.count(pool.name) >= pool.maximum) return refuse(order.number, "the pool is at its maximum");


  auto pair = try_make_channel();
  if (!pair) return refuse(order.number, "too few descriptors are left");
  table_.add(order.number, std::move(configuration), pool.name, std::move(pair->ours));
  channels.insert(channels.begin(), pair->theirs.release());
  template_.fork_worker({order.number, order.id, order.pool}, std::move(channels));
}

void WorkerSupervisor::stop(std::chrono::milliseconds delay, bool sessions_too) {
  stopping_ = true;
  table_.end_all(delay, sessions_too);
}

bool WorkerSupervisor::ended(pid_t pid, int status, const rusage& usage) {
  if (template_.ended(pid, status)) return true;
  if (const std::uint32_t number = table_.ended(pid); number != 0) {
    report_end(number, status, usage);
    return true;
  }
  if (template_.outstanding() > 0) {
    early_ends_[pid] = {status, usage};
  } else {
    early_ends_.clear();
  }
  return false;
}

void WorkerSupervisor::report_end(std::uint32_t number, int status, const rusage& usage) {
  const bool lacks_modules = exited_as(status, WorkerExit::modules_missing);
  if (lacks_modules || exited_as(status, WorkerExit::login_crashed)) template_.renew();
  if (!lacks_modules && !exited_as(status, WorkerExit::clean)) look_for_orphans();
  callbacks_.ended({number, status, microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
                    static_cast<std::uint64_t>(usage.ru_maxrss)});
}

void WorkerSupervisor::forked(std::uint32_t number, pid_t pid) {
  if (const auto early = early_ends_.extract(pid)) {
    table_.failed(number);
    callbacks_.forked({number, pid});
    return report_end(number, early.mapped().status, early.mapped().usage);
  }
  table_.forked(number, pid);
  callbacks_.forked({number, pid});
  if (stopping_) table_.end(number, 0ms);
}

void WorkerSupervisor::failed(std::uint32_t number, const std::string& reason) {
  log::error("worker_not_forked", {{"number", number}, {"reason", reason}});
  table_.failed(number);
  refuse(number, reason);
}

// A worker that was killed could not end what ran below it. No worker is forked meanwhile: every child that nobody knows is
// then an orphan.
void WorkerSupervisor::look_for_orphans() {
  orphans_ = true;
  template_.hold(true);
  if (!orphan_timer_.pending()) orphan_timer_ = loop_.after(0ms, [this] { kill_orphans(); });
}

void WorkerSupervisor::kill_orphans() {
  const auto is_known = [this](pid_t pid) {
    return callbacks_.is_service(pid) || template_.owns(pid) || table_.owns(pid);
  };
  const bool all_known = template_.outstanding() == 0;
  if (all_known && kill_descendants(is_known) == 0) {
    orphans_ = false;
    template_.hold(false);
    return callbacks_.swept();
  }
  orphan_timer_ = loop_.after(all_known ? 5ms : 1ms, [this] { kill_orphans(); });
}

}  // namespace usher
