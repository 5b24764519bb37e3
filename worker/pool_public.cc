#include "worker/pool_public.h"

#include <algorithm>

#include "base/log.h"
#include "worker/pool_job.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kReturnTime = 3s;              // for processes of public listeners to meet a new pool
constexpr std::uint32_t kBlock = 512;         // numbers given at a time
constexpr std::size_t kBlocksKept = 16;       // more than a process keeps (public_records.cc)
constexpr std::size_t kMostPrograms = 100'000;

}  // namespace

void PublicJobs::remember(Job row) {
  remembered_[row.id] = std::move(row);
  remembered_timer_ = loop_.after(kReturnTime, [this] { forget_remembered(); });
}

void PublicJobs::forget_remembered() {
  for (auto& [id, row] : std::exchange(remembered_, {})) callbacks_.store().end({row, wall_clock_ms(), "lost", 0, 0}, false);
}

void PublicJobs::meet(const PublicChannel& who, Channel channel) {
  if (services_.contains(who.pid)) lose(who.pid, "it came again");
  Service& service = services_[who.pid];
  service.who = who;
  service.job = service_job(JobKind::listener, who.pid, callbacks_.next_number());
  service.job.user = who.user.str();
  service.job.listener = who.listener.str();
  service.job.program = who.program.str();
  callbacks_.store().put(service.job);
  const std::int32_t pid = who.pid;
  service.link = std::make_unique<Link>(
      loop_, std::move(channel), [this, pid](Packet& packet) { hear(services_.at(pid), packet); },
      [this, pid](const std::string& why) { lose(pid, why); }, 1);
}

bool PublicJobs::was_given(const Service& service, std::uint32_t number) {
  return std::any_of(service.given.begin(), service.given.end(), [&](const Numbers& block) {
    return number >= block.first && number - block.first < block.count;
  });
}

bool PublicJobs::has(std::uint32_t number) const {
  return std::any_of(services_.begin(), services_.end(), [&](const auto& entry) {
    const Service& service = entry.second;
    return service.job.number == number || was_given(service, number) || service.programs.contains(number);
  });
}

void PublicJobs::hear(Service& service, Packet& packet) {
  service.gate.check(packet, PublicState::known);
  switch (static_cast<PublicTellsPool>(packet.kind())) {
    case PublicTellsPool::own_log:
      service.log = std::make_unique<JobLog>(loop_, state_directory_, service.job.id, packet.take_descriptor(0),
                                             JobLog::WhenFull::begin_again);
      return;
    case PublicTellsPool::need_numbers: return give_numbers(service);
    case PublicTellsPool::began: return begin(service, packet.as<PublicBegan>());
    case PublicTellsPool::ended: return end(service, packet.as<PublicEnded>());
  }
}

// In runs: numbers in between may be others'.
void PublicJobs::give_numbers(Service& service) {
  Numbers block;
  for (std::uint32_t i = 0; i < kBlock; ++i) {
    const std::uint32_t number = callbacks_.next_number();
    if (block.count > 0 && number != block.first + block.count) give(service, std::exchange(block, {}));
    if (block.count == 0) block.first = number;
    ++block.count;
  }
  give(service, block);
}

void PublicJobs::give(Service& service, const Numbers& block) {
  service.given.push_back(block);
  if (service.given.size() > kBlocksKept) service.given.erase(service.given.begin());
  service.link->send(block);
}

// A number of a pool before this one comes with a row that this one remembers.
void PublicJobs::begin(Service& service, const PublicBegan& began) {
  const auto remembered = remembered_.extract(JobId{began.id});
  const bool known = !remembered.empty() && remembered.mapped().number == began.number;
  if (!known && !was_given(service, began.number) && has(began.number)) return;  // somebody else's by now: not told of
  if (began.number == 0 || began.number > kMaxJobNumber || service.programs.size() >= kMostPrograms) {
    throw ProtocolError("a job that cannot be");
  }
  if (const auto old = service.programs.extract(began.number)) {
    if (old.mapped().id.bytes != began.id) callbacks_.store().end({old.mapped(), wall_clock_ms(), "lost", 0, 0}, false);
  }
  Job& row = service.programs[began.number];
  row.id.bytes = began.id;
  row.number = began.number;
  row.owner = service.job.owner;
  row.name = row.listener = service.who.listener.str();
  row.kind = JobKind::public_program;
  row.status = JobStatus::active;
  row.user = service.who.user.str();
  row.program = service.who.program.str();
  row.client = began.client.str();
  row.pid = began.pid;
  row.entered = row.since = began.entered;
  callbacks_.store().put(row);
}

void PublicJobs::end(Service& service, const PublicEnded& ended) {
  const auto program = service.programs.extract(ended.number);
  if (program.empty()) return;
  callbacks_.store().end({program.mapped(), ended.ended, text_of(ended.how), ended.cpu_us / 1000, ended.max_rss_kb}, false);
}

void PublicJobs::lose(std::int32_t pid, const std::string& why) {
  const auto service = services_.find(pid);
  if (service == services_.end()) return;
  if (why != "it is gone") log::error("public_listener_left", {{"listener", service->second.who.listener.str()}, {"reason", why}});
  end_service(service->second, service->second.programs.empty() ? "normal" : "lost");
  services_.erase(service);
}

void PublicJobs::end_service(Service& service, const std::string& how) {
  PoolStore& store = callbacks_.store();
  if (service.log) service.log->finish();
  for (auto& [number, row] : service.programs) store.end({row, wall_clock_ms(), "lost", 0, 0}, false);
  store.end({service.job, wall_clock_ms(), how, 0, 0}, false);
}

void PublicJobs::end_all() {
  forget_remembered();
  for (auto& [pid, service] : services_) end_service(service, "normal");
  services_.clear();
}

}  // namespace usher
