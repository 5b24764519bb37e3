// The workers that exist, as the starter knows them: it made them, it hears how far they are, it ends those that take too long,
// and it is told by the kernel when they are gone.
//
// Model:  add (asked for) -> forked (there is a process) -> ended (reaped), in stages that the worker reports: forked, idle,
//         login, session, ending. Each stage but idle and session has a deadline; a worker that passes it is killed.
// Trust:  workers run PAM modules: their notices are checked against kWorkerNotices, and a breach ends that worker.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/configuration.h"
#include "base/link.h"
#include "worker/starter_messages.h"

namespace usher {

class WorkerTable {
 public:
  explicit WorkerTable(EventLoop& loop) : loop_(loop) {}

  bool has(std::uint32_t number) const { return workers_.contains(number); }
  std::size_t size() const noexcept { return workers_.size(); }
  std::size_t count(const std::string& pool) const;
  std::size_t count(WorkerStage stage) const;
  // Of pools whose workers are somebody's own programs.
  std::size_t count_own() const;
  bool owns(pid_t pid) const { return numbers_.contains(pid); }

  // A worker that was asked for, with the starter's end of its channel.
  void add(std::uint32_t number, std::shared_ptr<const Configuration> configuration, const std::string& pool, Channel channel);
  void forked(std::uint32_t number, pid_t pid);
  void failed(std::uint32_t number) { remove(number); }
  // The number of the worker that had this pid, which the starter has reaped; 0 when it was none.
  std::uint32_t ended(pid_t pid);

  // Asks the job to end; false when there is no such worker.
  bool end(std::uint32_t number, std::chrono::milliseconds delay);
  // Ends it if it is idle and waits on a shared channel; others are asked by the pool itself.
  void retire(std::uint32_t number);
  // Without sessions: an own worker may finish what it serves.
  void end_all(std::chrono::milliseconds delay, bool sessions_too);
  void kill(std::uint32_t number);
  void kill_all();

  void for_each(const std::function<void(std::uint32_t number, pid_t pid)>& visit) const;

  // A worker as a starter after this one needs it. Its channel stays this one's.
  struct Row {
    std::uint32_t number;
    pid_t pid;
    WorkerStage stage;
    std::string pool;
    int channel;  // -1 when it is closed
  };
  std::vector<Row> rows() const;
  // A worker of the starter before this one.
  void adopt(const Row& row, std::shared_ptr<const Configuration> configuration, Channel channel);

 private:
  struct Worker {
    std::shared_ptr<const Configuration> configuration;  // of its generation
    std::string pool;
    pid_t pid = 0;
    bool doomed = false;  // to be killed as soon as it has a pid
    WorkerStage stage = WorkerStage::forked;
    Gate gate{kWorkerNotices};
    std::unique_ptr<Link> link;
    EventLoop::Timer deadline;
  };

  Worker& put(std::uint32_t number, std::shared_ptr<const Configuration> configuration, const std::string& pool);
  void remove(std::uint32_t number);
  void hear(std::uint32_t number, Packet& packet);
  static bool is_own(const Worker& worker);
  static void wake_from_shared_wait(const Worker& worker);
  void limit(std::uint32_t number, std::chrono::milliseconds time, const char* what);

  EventLoop& loop_;
  std::map<std::uint32_t, Worker> workers_;
  std::map<pid_t, std::uint32_t> numbers_;
  std::map<std::string, std::size_t> counts_;  // by pool
};

}  // namespace usher
