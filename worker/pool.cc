#include "worker/pool.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/log.h"
#include "base/service_messages.h"
#include "base/shortage.h"
#include "base/system.h"
#include "worker/pool_census.h"
#include "worker/pool_confinement.h"
#include "worker/pool_exchange.h"
#include "worker/pool_job.h"
#include "worker/pool_own_workers.h"
#include "worker/pool_pauses.h"
#include "worker/pool_policy.h"
#include "worker/pool_public.h"
#include "worker/pool_roads.h"
#include "worker/pool_statistics.h"
#include "worker/pool_store.h"
#include "worker/pool_surplus.h"
#include "worker/returning_workers.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

class Pool {
 public:
  Pool(UniqueFd starter, UniqueFd pool_socket, UniqueFd jobs_socket)
      : starter_(loop_, Channel(std::move(starter)), [this](Packet& packet) { hear_starter(packet); },
                 [this](const std::string&) { finish(); }),
        returning_(loop_, std::move(pool_socket), [this](pid_t pid, const Resume& resume, Channel channel) {
          returned(pid, resume, std::move(channel));
        }),
        exchange_(loop_, std::move(jobs_socket), jobs_, living_) {}

  int run() {
    try {
      confine_pool();
      loop_.run();
      return 0;
    } catch (const std::exception& error) {
      log::error("pool_failed", {{"reason", error.what()}});
      starter_.send(ServiceFailed{error.what()});
      return 1;
    }
  }

 private:
  // ---- the starter ----

  void hear_starter(Packet& packet) {
    switch (static_cast<StarterSays>(packet.kind())) {
      case StarterSays::configure: return configure(packet);
      case StarterSays::peer_channel: return meet_listener(packet);
      case StarterSays::worker_forked: return forked(packet.as<WorkerForked>());
      case StarterSays::worker_failed: return failed(packet.as<WorkerFailed>());
      case StarterSays::worker_ended: return worker_ended(packet.as<WorkerEnded>());
      case StarterSays::public_channel:
        return public_.meet(packet.as<PublicChannel>(), Channel(packet.take_descriptor(0)));
      case StarterSays::stop: return static_cast<void>(stopping_ = true);
      case StarterSays::leave: return leave();
      case StarterSays::reset_figures: return statistics_.reset();
      case StarterSays::listening_socket:
      case StarterSays::parked_client:
      case StarterSays::end_public_job: break;
    }
    throw ProtocolError("the starter said something that is not for the pool");
  }

  void configure(Packet& packet) {
    const auto configure = packet.as<Configure>();
    configuration_ = sealed_configuration(packet.take_descriptor(0).get());
    for (PoolConfig& pool : configuration_.pools) {
      if (configuration_.road_of(pool.name) == Dispatch::spawn) pool.initial = pool.threshold = pool.additional = 0;
    }
    generation_ = configure.generation;
    roads_.configure(configuration_);
    surplus_.configure(configuration_.pools);
    public_.configure(configuration_.server);
    reported_ready_ = false;
    if (!store_) begin(configure.goes_on);
    census_.follow(generation_, configuration_.pools, jobs_);
    retire_outdated();
    refill_later();
  }

  // The first configuration: what a pool before this one left in the registry is true for workers that still live, and over
  // for all others.
  void begin(bool goes_on) {
    keep_pool_to_its_directories(configuration_.server);
    store_.emplace(loop_, configuration_.server);
    statistics_.begin(goes_on);
    for (Job& row : store_->jobs()) {
      const bool lives = row.kind == JobKind::worker && living_.contains(row.number);
      if (lives) {
        adopt(std::move(row));
      } else if (row.kind == JobKind::public_program) {
        public_.remember(std::move(row));
      } else {
        store_->end({std::move(row), wall_clock_ms(), "lost", 0, 0}, true);
      }
    }
    own_job_ = service_job(JobKind::pool, ::getpid(), next_number());
    store_->put(own_job_);
  }

  void adopt(Job row) {
    auto job = std::make_unique<PoolJob>();
    job->stage = stage_of(row.status);
    job->road = configuration_.road_of(row.pool);
    job->forked = true;
    job->row = std::move(row);
    // Idle ones go by themselves when their pool goes; what they are in the queue for, nobody shall get.
    if (job->stage == JobStage::ready) store_->withdraw(job->row);
    take_place(*job);
    census_.count(*job);
    jobs_[job->row.number] = std::move(job);
  }

  std::uint32_t next_number() {
    return store_->next_number([this](std::uint32_t number) {
      return jobs_.contains(number) || living_.contains(number) || number == own_job_.number ||
             number == listener_job_.number || public_.has(number);
    });
  }

  // ---- the listener ----

  void meet_listener(Packet& packet) {
    const auto peer = packet.as<PeerChannel>();
    if (listener_job_.number != 0 && listener_job_.pid != peer.pid) end_service_job(listener_job_, "lost");
    if (listener_job_.number == 0) {
      listener_job_ = service_job(JobKind::listener, peer.pid, next_number());
      store_->put(listener_job_);
    }
    retire_taken();
    roads_.meet_listener(Channel(packet.take_descriptor(0)));
    for (const auto& [number, job] : jobs_) {
      if (job->stage == JobStage::ready && !job->retiring) announce(*job);
    }
    roads_.introduce();
  }

  // A listener that is gone may have taken a worker out of the queue and not reached it: such a worker would wait for ever.
  // One that was reached serves its client all the same: a client comes before everything else a worker is told.
  void retire_taken() {
    store_->flush();
    const std::set<JobId> queued = store_->queued();
    for (const auto& [number, job] : jobs_) {
      if (job->stage == JobStage::ready && job->road == Dispatch::queue && !queued.contains(job->row.id)) tell_to_go(*job);
    }
  }

  void announce(const PoolJob& job) {
    if (job.listeners_end) roads_.announce(job.row.id, job.row.pool, job.listeners_end);
  }

  void end_service_job(Job& job, const std::string& end) {
    store_->end({std::exchange(job, Job{}), wall_clock_ms(), end, 0, 0}, false);
  }

  // ---- more workers ----

  void try_refill(std::uint16_t index) try {
    refill(index);
  } catch (const std::system_error& error) {
    if (!is_shortage(error.code().value())) throw;
    pauses_.pause(configuration_.pools[index].name, error.what());
  }

  void refill(std::uint16_t index) {
    const PoolConfig& pool = configuration_.pools[index];
    const PoolCounts counts = census_.of(pool.name);
    if (stopping_ || pauses_.holds(pool.name)) return;
    const std::uint32_t missing = workers_to_start(pool, counts, census_.became_ready(pool.name) < pool.initial);
    for (std::uint32_t i = 0; i < missing; ++i) start_worker(index);
    if (configuration_.road_of(pool.name) == Dispatch::spawn) grant_wishes(index, counts.total);
    roads_.announce_idle(pool.name, counts.ready);
    surplus_.note(pool.name, counts.ready);
  }

  void grant_wishes(std::uint16_t pool, std::uint32_t total) {
    const PoolConfig& config = configuration_.pools[pool];
    for (; total < config.maximum; ++total) {
      UniqueFd workers_end = roads_.next_wish(config.name);
      if (!workers_end) return;
      start_worker(pool, std::move(workers_end));
    }
    roads_.refuse_impatient(config.name);
  }

  // Once a round, however many workers were taken or ended in it.
  void refill_later() {
    if (std::exchange(refill_scheduled_, true)) return;
    loop_.defer([this] {
      refill_scheduled_ = false;
      for (std::size_t i = 0; i < configuration_.pools.size(); ++i) try_refill(static_cast<std::uint16_t>(i));
      report_ready();
    });
  }

  // `workers_end`: of the channel over which its client comes, where that is there already.
  void start_worker(std::uint16_t pool, UniqueFd workers_end = {}) {
    auto job = std::make_unique<PoolJob>();
    Job& row = job->row;
    row.id = JobId::random();
    row.number = next_number();
    row.owner = row.user = own_job_.owner;
    row.name = row.pool = configuration_.pools[pool].name;
    row.entered = row.since = wall_clock_ms();
    job->generation = generation_;
    job->road = configuration_.road_of(row.pool);

    if (!workers_end) workers_end = make_road(*job);
    auto [pools_end, pools_worker_end] = make_channel();
    if (is_one_of_the_last(pools_worker_end.fd(), 2)) throw_errno("start a worker", EMFILE);
    attach(*job, std::move(pools_end));
    std::vector<UniqueFd> ends;
    ends.push_back(std::move(workers_end));
    ends.push_back(pools_worker_end.release());
    starter_.send(StartWorker{row.number, row.id.bytes, pool, generation_}, std::move(ends));
    store_->put(row);
    census_.count(*job);
    jobs_[row.number] = std::move(job);
  }

  UniqueFd make_road(PoolJob& job) {
    if (job.road == Dispatch::shared || job.road == Dispatch::own) return roads_.shared_end(job.row.pool);
    ChannelPair pair = make_channel();
    job.listeners_end = std::move(pair.ours);
    return pair.theirs.release();
  }

  void attach(PoolJob& job, Channel channel) {
    const std::uint32_t number = job.row.number;
    job.link = std::make_unique<Link>(
        loop_, std::move(channel), [this, number](Packet& packet) { hear_worker(*jobs_.at(number), packet); },
        [this, number](const std::string& why) { lose_channel(number, why); }, 1);
  }

  // Every pool has had its first workers of this generation, or can have no more.
  void report_ready() {
    const auto has_enough = [this](const PoolConfig& pool) {
      const PoolCounts counts = census_.of(pool.name);
      return census_.became_ready(pool.name) >= pool.initial || (counts.starting == 0 && counts.total >= pool.maximum);
    };
    if (reported_ready_ || !std::all_of(configuration_.pools.begin(), configuration_.pools.end(), has_enough)) return;
    reported_ready_ = true;
    store_->after_flush([this, generation = generation_] { starter_.send(ServiceReady{generation}); });
  }

  // ---- a worker begins ----

  void forked(const WorkerForked& forked) {
    living_[forked.number] = forked.pid;
    const auto found = jobs_.find(forked.number);
    if (found == jobs_.end()) return;  // of a pool before this one: its row, or its Resume, will tell
    found->second->forked = true;
    if (!found->second->use) found->second->row.pid = forked.pid;  // an own worker has told its program's before
    if (found->second->stage != JobStage::starting) return store_->put(found->second->row);
    make_ready(*found->second);
  }

  void failed(const WorkerFailed& failed) {
    const auto found = jobs_.find(failed.number);
    if (found == jobs_.end()) return;
    const std::string pool = found->second->row.pool;
    store_->end({found->second->row, wall_clock_ms(), "lost", 0, 0}, false);
    census_.forget(*found->second);
    jobs_.erase(found);
    if (!stopping_) start_failed(pool, failed.reason.str());
  }

  void start_failed(const std::string& pool, const std::string& reason) {
    pauses_.pause(pool, reason);
    statistics_.start_failed(pool);
  }

  void make_ready(PoolJob& job) {
    if (!job.forked || !job.joined || job.stage != JobStage::starting) return;
    job.set_stage(JobStage::ready, JobStatus::ready);
    census_.count(job);
    if (job.road != Dispatch::own) pauses_.end(job.row.pool);  // an own worker has to serve somebody first
    const bool outdated = job.generation != generation_;
    if (job.road == Dispatch::queue && !outdated) {
      announce(job);
      store_->make_ready(job.row);
    } else {
      store_->put(job.row);
    }
    if (outdated) return tell_to_go(job);
    census_.note_ready(job.row.pool);
    refill_later();  // one lot may not have been enough
  }

  void retire_outdated() {
    for (const auto& [number, job] : jobs_) {
      if (job->stage != JobStage::ready || job->generation == generation_) continue;
      if (job->road == Dispatch::queue) store_->withdraw(job->row);
      tell_to_go(*job);
    }
  }

  void tell_to_go(PoolJob& job) {
    job.retiring = true;
    census_.count(job);
    job.listeners_end.close();
    if (job.link) job.link->send(Retire{});
    if (job.road != Dispatch::queue) starter_.send(RetireWorker{job.row.number});
  }

  void retire_surplus(const std::string& pool, std::uint32_t workers) {
    for (const auto& [number, job] : jobs_) {
      if (workers == 0) return;
      if (job->row.pool != pool || !job->is_idle() || job->retiring) continue;
      if (job->road == Dispatch::queue && !store_->withdraw(job->row)) continue;
      tell_to_go(*job);
      --workers;
    }
  }

  // ---- what workers say ----

  void hear_worker(PoolJob& job, Packet& packet) {
    job.gate.check(packet, job.stage);
    switch (static_cast<WorkerTellsPool>(packet.kind())) {
      case WorkerTellsPool::joined:
        job.joined = true;
        return make_ready(job);
      case WorkerTellsPool::took_client: return took_client(job, packet.as<TookClient>());
      case WorkerTellsPool::log_pipe:
        job.log = std::make_unique<JobLog>(loop_, configuration_.server.state_directory, job.row.id, packet.take_descriptor(0));
        return;
      case WorkerTellsPool::claim: return claim(job, packet.as<Claim>());
      case WorkerTellsPool::active:
        job.activate(packet.as<Active>());
        return changed(job);
      case WorkerTellsPool::ended:
        job.end = packet.as<Ended>();
        if (job.stage == JobStage::ready) return;
        job.set_stage(JobStage::ending, JobStatus::ending);
        return changed(job);
      case WorkerTellsPool::own_program: return own_workers_.begin(job, packet, configuration_);
      case WorkerTellsPool::resume: break;
    }
    throw ProtocolError("a known worker introduces itself");
  }

  void changed(PoolJob& job) {
    census_.count(job);
    store_->put(job.row);
  }

  void own_worker_changed(PoolJob& job) {
    if (job.row.served > 0) pauses_.end(job.row.pool);  // it can serve
    changed(job);
    refill_later();
  }

  void took_client(PoolJob& job, const TookClient& took) {
    job.listeners_end.close();
    job.row.listener = took.listener.str();
    job.row.client = took.client.str();
    if (job.stage != JobStage::login) job.set_stage(JobStage::login, JobStatus::login);
    changed(job);
    refill_later();
  }

  void claim(PoolJob& job, const Claim& claim) {
    const SessionPlace place{job.row.listener, claim.program.str(), claim.user.str(), claim.reserved};
    if (!job.place && !places_.has_room(configuration_, place)) {
      job.link->send(Denied{});
      return;
    }
    job.reserved = place.reserved;
    job.row.program = place.program;
    job.row.user = place.user;
    take_place(job);
    store_->put(job.row);
    // A place that a pool after this one would not know of is not given away.
    store_->after_flush([this, number = job.row.number] {
      const auto found = jobs_.find(number);
      if (found != jobs_.end() && found->second->link) found->second->link->send(Granted{});
    });
  }

  void take_place(PoolJob& job) {
    if (job.place || job.row.program.empty()) return;
    job.place = job.wanted_place();
    places_.take(*job.place);
  }

  void lose_channel(std::uint32_t number, const std::string& why) {
    PoolJob& job = *jobs_.at(number);
    job.link.reset();
    if (why == "it is gone") return;  // so is the worker, or it will say Resume
    log::error("worker_broke_protocol", {{"job", job.row.full_name()}, {"reason", why}});
    starter_.send(EndWorker{number});
  }

  // ---- a worker ends ----

  void worker_ended(const WorkerEnded& ended) {
    living_.erase(ended.number);
    const auto found = jobs_.find(ended.number);
    if (found == jobs_.end()) return;
    PoolJob& job = *found->second;
    if (job.link) job.link->hear_now();  // the starter's word may come before the worker's own last one is read
    if (job.log) job.log->finish();
    if (job.place) places_.give_back(*job.place);
    const bool was_idle = job.stage == JobStage::starting || job.stage == JobStage::ready;
    const std::string end = job.end ? text_of(*job.end) : was_idle && job.retiring ? "retired" : "lost";
    const std::string pool = job.row.pool;
    const bool failed_to_start = job.stage == JobStage::starting || PoolOwnWorkers::was_useless(job);
    store_->end({job.row, wall_clock_ms(), end, ended.cpu_us / 1000, ended.max_rss_kb}, was_idle);
    census_.forget(job);
    jobs_.erase(found);
    exchange_.ended(ended.number);
    if (failed_to_start && !stopping_) start_failed(pool, "a worker ended before it was ready");
    refill_later();
  }

  // ---- a worker comes back ----

  // Which process has which job the starter has said.
  void returned(pid_t pid, const Resume& resume, Channel channel) {
    const auto living = living_.find(resume.number);
    if (!store_ || living == living_.end() || living->second != pid) throw ProtocolError("no such worker");
    auto& job = jobs_[resume.number];
    if (!job) job = std::make_unique<PoolJob>();
    if (job->row.number != 0 && job->row.id.bytes != resume.id) throw ProtocolError("another job has that number");
    if (job->row.owner.empty()) job->row.owner = own_job_.owner;
    job->resume(resume);
    take_place(*job);
    changed(*job);
    attach(*job, std::move(channel));
    if (job->stage == JobStage::ready) tell_to_go(*job);  // no listener can reach it
  }

  // ---- the end ----

  // Another pool goes on from the registry.
  void leave() {
    for (const auto& [number, job] : jobs_) {
      if (job->link) job->link->hear_now();
    }
    statistics_.write();
    if (store_) store_->flush();
    loop_.stop();
  }

  // The starter has nothing more to say: all workers are gone, or the starter itself is.
  void finish() {
    if (store_) {
      for (const auto& [number, job] : jobs_) store_->end({job->row, wall_clock_ms(), "lost", 0, 0}, true);
      public_.end_all();
      if (listener_job_.number != 0) end_service_job(listener_job_, "normal");
      end_service_job(own_job_, "normal");
      store_->flush();
    }
    loop_.stop();
  }

  EventLoop loop_;
  Link starter_;
  ReturningWorkers returning_;
  Configuration configuration_;
  std::uint32_t generation_ = 0;
  std::optional<PoolStore> store_;
  Job own_job_;
  Job listener_job_;
  PoolRoads roads_{loop_, [this] { refill_later(); }};
  PoolSurplus surplus_{loop_, [this](const std::string& pool, std::uint32_t workers) { retire_surplus(pool, workers); }};
  PoolJobs jobs_;
  std::map<std::uint32_t, pid_t> living_;  // workers that exist, as the starter says
  PoolExchange exchange_;
  PoolOwnWorkers own_workers_{loop_, jobs_, [this](PoolJob& job) { own_worker_changed(job); }};
  SessionPlaces places_;
  PoolStatistics statistics_{loop_, store_};
  PoolCensus census_{statistics_};
  PoolPauses pauses_{loop_, [this] { refill_later(); }};
  PublicJobs public_{loop_,
                     {[this]() -> PoolStore& { return *store_; }, [this] { return next_number(); }}};
  bool reported_ready_ = false;
  bool refill_scheduled_ = false;
  bool stopping_ = false;
};

}  // namespace

int run_pool(UniqueFd starter, UniqueFd pool_socket, UniqueFd jobs_socket) {
  return Pool(std::move(starter), std::move(pool_socket), std::move(jobs_socket)).run();
}

}  // namespace usher
