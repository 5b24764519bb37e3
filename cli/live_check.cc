#include "cli/live_check.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <thread>

#include "cli/control_client.h"
#include "cli/installation.h"
#include "cli/process_view.h"
#include "jobs/registry.h"
#include "worker/directories.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kLooks = 5s;     // in all
constexpr auto kPause = 100ms;  // between two

// What a service holds besides what belongs to workers and clients: standard ones, loop, database, sockets.
constexpr std::size_t kOwnDescriptors = 32;
constexpr std::size_t kDescriptorsOfAJob = 4;

using Disagreements = std::set<std::string>;

class Look {
 public:
  Look(const Configuration& configuration, pid_t starter, Registry& registry)
      : configuration_(configuration), starter_(starter), jobs_(registry.jobs()), queued_(registry.queued()) {}

  Disagreements run() {
    for (const Job& job : jobs_) look_at(job);
    for (const char* name : {"usher-listener", "usher-pool"}) look_for_one(name);
    look_at_children();
    look_at_queue();
    look_at_descriptors();
    return std::move(found_);
  }

  std::size_t jobs() const noexcept { return jobs_.size(); }

 private:
  void disagree(const std::string& what) { found_.insert(what); }

  static std::string described(const Job& job) {
    return "job " + job.full_name() + " (" + std::string(name_of(job.status)) + ", pid " + std::to_string(job.pid) + ")";
  }

  void look_at(const Job& job) {
    if (job.status == JobStatus::starting && job.pid == 0) return;
    const auto pid = static_cast<pid_t>(job.pid);
    const ProcessRow* process = processes_.find(pid);
    if (process == nullptr) return disagree(described(job) + " has no process");
    if (!pids_.insert(pid).second) disagree("pid " + std::to_string(pid) + " is that of two jobs");
    const bool runs_program = (job.kind == JobKind::worker || job.kind == JobKind::public_program) && process->parent != starter_;
    const ProcessRow* worker = runs_program ? processes_.find(process->parent) : process;
    if (worker == nullptr || worker->parent != starter_) return disagree(described(job) + " is no process of this Usher");
    known_.insert(worker->pid);
  }

  void look_for_one(const std::string& name) {
    const auto is_it = [&](const ProcessRow& row) { return row.name == name.substr(0, 15); };
    const auto children = processes_.children(starter_);
    const auto count = std::count_if(children.begin(), children.end(), is_it);
    if (count != 1) disagree("there are " + std::to_string(count) + " processes " + name);
  }

  // Besides the jobs the starter has one child: the template.
  void look_at_children() {
    std::size_t templates = 0;
    for (const ProcessRow& child : processes_.children(starter_)) {
      if (known_.contains(child.pid)) continue;
      if (child.name == "usher-worker" && processes_.children(child.pid).empty() && ++templates == 1) continue;
      disagree("process " + std::to_string(child.pid) + " (" + child.name + ") belongs to no job");
    }
  }

  // The listener may hold one id of each pool for its next client.
  void look_at_queue() {
    std::map<std::string, std::vector<const Job*>> missing;
    std::set<JobId> ready;
    for (const Job& job : jobs_) {
      if (job.status != JobStatus::ready || configuration_.road_of(job.pool) != Dispatch::queue) continue;
      ready.insert(job.id);
      if (!queued_.contains(job.id)) missing[job.pool].push_back(&job);
    }
    for (const auto& [pool, jobs] : missing) {
      for (std::size_t i = 1; i < jobs.size(); ++i) disagree(described(*jobs[i]) + " is not in the ready queue");
    }
    for (const JobId& id : queued_) {
      if (!ready.contains(id)) disagree("the ready queue has " + id.hex() + ", which is no ready job");
    }
  }

  void look_at_descriptors() {
    const std::size_t most = kOwnDescriptors + kDescriptorsOfAJob * jobs_.size();
    for (const Job& job : jobs_) {
      if (job.kind == JobKind::worker || job.kind == JobKind::public_program) continue;
      const std::size_t open = open_descriptors(static_cast<pid_t>(job.pid));
      if (open > most) disagree("the " + job.name + " has more descriptors open than its jobs explain");
    }
  }

  const Configuration& configuration_;
  pid_t starter_;
  std::vector<Job> jobs_;
  std::set<JobId> queued_;
  ProcessView processes_;  // after the registry: what is written there began before
  std::set<pid_t> pids_;
  std::set<pid_t> known_;
  Disagreements found_;
};

Disagreements look_at_sockets(const std::string& runtime_directory) {
  Disagreements found;
  ControlClient::Answers answers;
  answers.fact = [&](const Fact& fact) {
    if (fact.group.str() != "listener" || fact.key.str() != "address" || is_listening(fact.value.str())) return;
    found.insert("nobody listens at " + fact.value.str() + ", the address of listener " + fact.name.str());
  };
  ControlClient(runtime_directory).call(AskStatus{}, answers);
  return found;
}

Disagreements both(const Disagreements& one, const Disagreements& other) {
  Disagreements common;
  std::set_intersection(one.begin(), one.end(), other.begin(), other.end(), std::inserter(common, common.end()));
  return common;
}

}  // namespace

LiveCheck check_live(const Configuration& configuration) {
  const ServerConfig& server = configuration.server;
  const pid_t starter = starter_pid(server.runtime_directory);
  if (starter == 0) throw Error(ErrorCode::not_running, "Usher is not running");
  const Disagreements sockets = look_at_sockets(server.runtime_directory);
  give_up_root(server);
  Registry registry(server.runtime_directory, Registry::Open::existing);

  LiveCheck result;
  std::optional<Disagreements> lasting;
  const auto end = std::chrono::steady_clock::now() + kLooks;
  while (!lasting || (!lasting->empty() && std::chrono::steady_clock::now() < end)) {
    if (lasting) std::this_thread::sleep_for(kPause);
    Look look(configuration, starter, registry);
    result.jobs = look.jobs();
    const Disagreements found = look.run();
    lasting = lasting ? both(*lasting, found) : found;
  }
  result.disagreements.assign(sockets.begin(), sockets.end());
  result.disagreements.insert(result.disagreements.end(), lasting->begin(), lasting->end());
  return result;
}

}  // namespace usher
