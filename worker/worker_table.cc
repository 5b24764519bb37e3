#include "worker/worker_table.h"

#include <signal.h>

#include <algorithm>

#include "base/log.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kGetReady = 30s;    // fork, sandbox, first report
constexpr auto kLoginGrace = 10s;  // after login_timeout: the login process says 904 itself, the worker closes what it opened
constexpr auto kEndingTime = 60s;  // result line, PAM session, orderly close

std::chrono::milliseconds login_timeout(const Configuration& configuration, std::uint16_t listener) {
  if (listener >= configuration.listeners.size()) throw ProtocolError("there is no such listener");
  return configuration.listeners[listener].login_timeout;
}

bool waits_for_signal(Dispatch road) { return road == Dispatch::shared || road == Dispatch::own; }

}  // namespace

std::size_t WorkerTable::count(const std::string& pool) const {
  const auto found = counts_.find(pool);
  return found == counts_.end() ? 0 : found->second;
}

std::size_t WorkerTable::count(WorkerStage stage) const {
  return static_cast<std::size_t>(
      std::count_if(workers_.begin(), workers_.end(), [&](const auto& entry) { return entry.second.stage == stage; }));
}

std::size_t WorkerTable::count_own() const {
  return static_cast<std::size_t>(
      std::count_if(workers_.begin(), workers_.end(), [](const auto& entry) { return is_own(entry.second); }));
}

bool WorkerTable::is_own(const Worker& worker) { return worker.configuration->road_of(worker.pool) == Dispatch::own; }

WorkerTable::Worker& WorkerTable::put(std::uint32_t number, std::shared_ptr<const Configuration> configuration,
                                      const std::string& pool) {
  Worker& worker = workers_[number];
  worker.configuration = std::move(configuration);
  worker.pool = pool;
  ++counts_[pool];
  return worker;
}

void WorkerTable::remove(std::uint32_t number) {
  const auto found = workers_.find(number);
  if (found == workers_.end()) return;
  const auto count = counts_.find(found->second.pool);
  if (--count->second == 0) counts_.erase(count);
  workers_.erase(found);
}

void WorkerTable::add(std::uint32_t number, std::shared_ptr<const Configuration> configuration, const std::string& pool,
                      Channel channel) {
  put(number, std::move(configuration), pool).link = std::make_unique<Link>(
      loop_, std::move(channel), [this, number](Packet& packet) { hear(number, packet); },
      [this, number](const std::string& why) {
        // A worker that ends closes its channel too; one that only closes the channel, or talks nonsense, has to end.
        if (why != "it is gone") log::error("worker_broke_protocol", {{"number", number}, {"reason", why}});
        workers_.at(number).link.reset();
        limit(number, kEndingTime, "ending");
        if (why != "it is gone") kill(number);
      },
      0);
}

void WorkerTable::forked(std::uint32_t number, pid_t pid) {
  Worker& worker = workers_.at(number);
  worker.pid = pid;
  numbers_[pid] = number;
  if (worker.doomed) return kill(number);
  if (worker.stage == WorkerStage::forked) limit(number, kGetReady, "starting");
}

std::uint32_t WorkerTable::ended(pid_t pid) {
  const auto found = numbers_.find(pid);
  if (found == numbers_.end()) return 0;
  const std::uint32_t number = found->second;
  numbers_.erase(found);
  remove(number);
  return number;
}

bool WorkerTable::end(std::uint32_t number, std::chrono::milliseconds delay) {
  const auto found = workers_.find(number);
  if (found == workers_.end()) return false;
  if (found->second.link) found->second.link->send(EndJob{static_cast<std::uint32_t>(delay.count())});
  wake_from_shared_wait(found->second);
  return true;
}

// An idle worker that waits in recvmsg on its pool's one channel sees nothing else.
void WorkerTable::wake_from_shared_wait(const Worker& worker) {
  const bool waits = worker.stage == WorkerStage::idle && worker.pid > 0 &&
                     waits_for_signal(worker.configuration->road_of(worker.pool));
  if (waits) ::kill(worker.pid, SIGTERM);
}

void WorkerTable::retire(std::uint32_t number) {
  const auto found = workers_.find(number);
  if (found != workers_.end()) wake_from_shared_wait(found->second);
}

void WorkerTable::end_all(std::chrono::milliseconds delay, bool sessions_too) {
  for (const auto& [number, worker] : workers_) {
    if (!sessions_too && worker.stage == WorkerStage::session) continue;
    const bool may_serve = !sessions_too && worker.stage == WorkerStage::idle && is_own(worker);
    may_serve ? wake_from_shared_wait(worker) : static_cast<void>(end(number, delay));
  }
}

void WorkerTable::kill(std::uint32_t number) {
  const auto found = workers_.find(number);
  if (found == workers_.end()) return;
  found->second.doomed = true;
  if (found->second.pid > 0) ::kill(found->second.pid, SIGKILL);
}

void WorkerTable::kill_all() {
  for (const auto& entry : workers_) kill(entry.first);
}

void WorkerTable::for_each(const std::function<void(std::uint32_t, pid_t)>& visit) const {
  for (const auto& [number, worker] : workers_) {
    if (worker.pid > 0) visit(number, worker.pid);
  }
}

std::vector<WorkerTable::Row> WorkerTable::rows() const {
  std::vector<Row> rows;
  for (const auto& [number, worker] : workers_) {
    if (worker.pid > 0) rows.push_back({number, worker.pid, worker.stage, worker.pool, worker.link ? worker.link->fd() : -1});
  }
  return rows;
}

// How long it has been in its stage is not known: its deadline begins again.
void WorkerTable::adopt(const Row& row, std::shared_ptr<const Configuration> configuration, Channel channel) {
  if (channel) {
    add(row.number, std::move(configuration), row.pool, std::move(channel));
  } else {
    put(row.number, std::move(configuration), row.pool);
  }
  Worker& worker = workers_.at(row.number);
  worker.pid = row.pid;
  worker.stage = row.stage;
  numbers_[row.pid] = row.number;
  if (row.stage != WorkerStage::idle && row.stage != WorkerStage::session) limit(row.number, kEndingTime, "before a restart");
}

void WorkerTable::hear(std::uint32_t number, Packet& packet) {
  Worker& worker = workers_.at(number);
  worker.gate.check(packet, worker.stage);
  switch (static_cast<WorkerTellsStarter>(packet.kind())) {
    case WorkerTellsStarter::ready:
      worker.stage = WorkerStage::idle;
      worker.deadline.end();
      break;
    case WorkerTellsStarter::taken:
      worker.stage = WorkerStage::login;
      limit(number, login_timeout(*worker.configuration, packet.as<ClientTaken>().listener) + kLoginGrace, "login");
      break;
    case WorkerTellsStarter::session_started:
      worker.stage = WorkerStage::session;
      worker.deadline.end();
      break;
    case WorkerTellsStarter::session_ending:
      worker.stage = WorkerStage::ending;
      limit(number, kEndingTime, "ending");
      break;
  }
}

void WorkerTable::limit(std::uint32_t number, std::chrono::milliseconds time, const char* what) {
  workers_.at(number).deadline = loop_.after(time, [this, number, what] {
    log::error("worker_killed", {{"number", number}, {"reason", std::string("deadline of stage ") + what}});
    kill(number);
  });
}

}  // namespace usher
