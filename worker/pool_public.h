// The pool's side of public listeners: their processes' job numbers, registry rows, history and logs.
//
// Model:  each process has a row of its own (kind listener), and each program it tells of one of kind public. Rows that a pool
//         before this one left are kept for a moment: their process tells of them again, or they are lost.
// Trust:  a user's processes: public_messages.h says what is taken from them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/link.h"
#include "base/service_messages.h"
#include "worker/pool_log.h"
#include "worker/pool_store.h"
#include "worker/public_messages.h"

namespace usher {

class PublicJobs {
 public:
  struct Callbacks {
    std::function<PoolStore&()> store;
    std::function<std::uint32_t()> next_number;
  };
  PublicJobs(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

  void configure(const ServerConfig& server) { state_directory_ = server.state_directory; }
  // A row of a pool before this one.
  void remember(Job row);
  void meet(const PublicChannel& who, Channel channel);
  // Is the number a job's, or given away to become one?
  bool has(std::uint32_t number) const;
  void end_all();

 private:
  struct Service {
    PublicChannel who;
    Job job;
    std::unique_ptr<Link> link;
    Gate gate{kPublicReports};
    std::unique_ptr<JobLog> log;
    std::vector<Numbers> given;  // the last blocks
    std::map<std::uint32_t, Job> programs;
  };

  void hear(Service& service, Packet& packet);
  void give_numbers(Service& service);
  void give(Service& service, const Numbers& block);
  void begin(Service& service, const PublicBegan& began);
  void end(Service& service, const PublicEnded& ended);
  void lose(std::int32_t pid, const std::string& why);
  void end_service(Service& service, const std::string& how);
  void forget_remembered();
  static bool was_given(const Service& service, std::uint32_t number);

  EventLoop& loop_;
  Callbacks callbacks_;
  std::string state_directory_;
  std::map<std::int32_t, Service> services_;  // by pid
  std::map<JobId, Job> remembered_;
  EventLoop::Timer remembered_timer_;
};

}  // namespace usher
