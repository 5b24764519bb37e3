#include "worker/pool_exchange.h"

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "worker/pool_lineage.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr int kTries = 40;  // of a request about a job that is not known yet
constexpr auto kBetweenTries = 25ms;

}  // namespace

PoolExchange::PoolExchange(EventLoop& loop, UniqueFd socket, const Jobs& jobs, const Living& living)
    : loop_(loop),
      jobs_(jobs),
      living_(living),
      askers_(loop, std::move(socket),
              {[this](Asker& asker, Packet& packet) { asked(asker, packet); }, [this](Asker& asker) { gone(asker); }}) {
}

void PoolExchange::asked(Asker& asker, Packet& packet) {
  switch (static_cast<JobAsks>(packet.kind())) {
    case JobAsks::who_am_i: return who_am_i(asker, 0);
    case JobAsks::take: return take(asker, packet.as<Take>(), 0);
    case JobAsks::give: return give(asker, packet.as<Give>(), 0);
  }
}

void PoolExchange::again_later(Asker& asker, int tries, std::function<void(int)> again) {
  if (tries == kTries) return refuse(asker, RefusalReason::no_job_yourself);
  asker.timer = loop_.after(kBetweenTries, [tries, again = std::move(again)] { again(tries + 1); });
}

void PoolExchange::refuse(Asker& asker, RefusalReason reason) {
  asker.link->send(AskRefused{reason});
  askers_.dismiss(asker);
}

// ---- who is who ----

PoolExchange::Membership PoolExchange::job_of(const Asker& asker) const {
  std::uint32_t number = 0;
  const auto is_worker = [&](pid_t pid) {
    const auto found =
        std::find_if(living_.begin(), living_.end(), [&](const auto& entry) { return entry.second == pid; });
    if (found != living_.end()) number = found->first;
    return found != living_.end();
  };
  if (worker_above(asker.pid, asker.user, is_worker) == 0) return {};
  const auto job = jobs_.find(number);
  if (job == jobs_.end()) return {Known::not_yet, nullptr};
  return {Known::yes, job->second.get()};
}

void PoolExchange::who_am_i(Asker& asker, int tries) {
  const Membership own = job_of(asker);
  if (own.known == Known::not_yet)
    return again_later(asker, tries, [this, &asker](int next) { who_am_i(asker, next); });
  if (own.job == nullptr) return refuse(asker, RefusalReason::no_job_yourself);
  asker.link->send(YourJob{own.job->row.id.bytes, own.job->row.full_name()});
  askers_.dismiss(asker);
}

const PoolJob* PoolExchange::find(const std::string& text) const {
  const auto id = JobId::from_hex(text);
  for (const auto& [number, job] : jobs_) {
    const std::string name = job->row.full_name();
    const bool same_number = text.find('/') == std::string::npos && name.starts_with(text + "/");
    if (name == text || same_number || (id && job->row.id == *id)) return job.get();
  }
  return nullptr;
}

// ---- takers ----

void PoolExchange::take(Asker& asker, const Take& take, int tries) {
  const Membership own = job_of(asker);
  if (own.known == Known::not_yet) {
    return again_later(asker, tries, [this, &asker, take](int next) { this->take(asker, take, next); });
  }
  if (own.job == nullptr) return refuse(asker, RefusalReason::no_job_yourself);
  const std::uint32_t number = own.job->row.number;
  meetings_[number].takers.push_back({&asker, take.source});
  match(number);
}

// ---- givers ----

void PoolExchange::give(Asker& asker, const Give& wish, int tries) {
  const Membership own = job_of(asker);
  const PoolJob* target = find(wish.target.str());
  const bool not_yet = own.known == Known::not_yet || (target == nullptr && jobs_.size() < living_.size());
  if (not_yet && tries < kTries) {
    return again_later(asker, tries, [this, &asker, wish](int next) { give(asker, wish, next); });
  }
  if (const auto reason = objection(asker, own, target)) return refuse(asker, *reason);
  Giver giver{&asker, {}};
  if (own.job != nullptr) {
    giver.offer.giver = own.job->row.id.bytes;
    giver.offer.giver_name = own.job->row.full_name();
  }
  giver.offer.user = asker.user;
  giver.offer.process = asker.pid;
  const std::uint32_t number = target->row.number;
  meetings_[number].givers.push_back(std::move(giver));
  match(number);
}

std::optional<RefusalReason> PoolExchange::objection(const Asker& asker, const Membership& own,
                                                     const PoolJob* target) const {
  if (own.job == nullptr && asker.user != 0) return RefusalReason::no_job_yourself;
  if (target == nullptr || target->stage == JobStage::ending) return RefusalReason::no_such_job;
  if (asker.user != 0 && !may_have_user(*target, asker.user)) return RefusalReason::not_authorized;
  return std::nullopt;
}

// Before a program runs its user is not known: who takes is looked at again.
bool PoolExchange::may_have_user(const PoolJob& target, uid_t user) const {
  const auto worker = living_.find(target.row.number);
  const bool runs = target.stage == JobStage::active && worker != living_.end() && target.row.pid != worker->second;
  const auto program = runs ? facts_of_process(static_cast<pid_t>(target.row.pid)) : std::nullopt;
  return !program || program->real == user;
}

// ---- both ----

void PoolExchange::match(std::uint32_t number) {
  const auto found = meetings_.find(number);
  if (found == meetings_.end()) return;
  Meeting& meeting = found->second;
  std::vector<Asker*> done;
  std::vector<Asker*> strangers;
  for (const Taker& taker : meeting.takers) {
    Giver* giver = giver_for(meeting, taker, strangers);
    if (giver == nullptr) continue;
    done.push_back(taker.asker);  // and if it is gone, it will be heard of
    if (!introduce(*giver, taker)) continue;
    done.push_back(giver->asker);
    std::erase_if(meeting.givers, [&](const Giver& other) { return &other == giver; });
  }
  for (Asker* asker : done) askers_.dismiss(*asker);
  for (Asker* asker : strangers) refuse(*asker, RefusalReason::not_authorized);
}

// False when the taker could not be told: it is let go, and asks again.
bool PoolExchange::introduce(Giver& giver, const Taker& taker) try {
  ChannelPair pair = make_channel();
  if (!taker.asker->link->send_now(giver.offer, pair.theirs.fd())) return false;
  pair.theirs.close();
  giver.asker->link->send(Found{}, pair.ours.release());
  return true;
} catch (const std::system_error& error) {
  log::error("not_introduced", {{"reason", error.what()}});
  return false;
}

// The first that this taker asked for. `strangers`: those of another user, which is known only now; they leave.
PoolExchange::Giver* PoolExchange::giver_for(Meeting& meeting, const Taker& taker, std::vector<Asker*>& strangers) {
  constexpr std::array<std::uint8_t, 16> kAnyone{};
  for (auto at = meeting.givers.begin(); at != meeting.givers.end();) {
    const bool same_user = at->asker->user == 0 || at->asker->user == taker.asker->user;
    if (!same_user && taker.asker->user != 0) {
      strangers.push_back(at->asker);
      at = meeting.givers.erase(at);
    } else if (same_user && (taker.source == kAnyone || taker.source == at->offer.giver)) {
      return &*at;
    } else {
      ++at;
    }
  }
  return nullptr;
}

void PoolExchange::gone(Asker& asker) {
  for (auto at = meetings_.begin(); at != meetings_.end();) {
    std::erase_if(at->second.takers, [&](const Taker& taker) { return taker.asker == &asker; });
    std::erase_if(at->second.givers, [&](const Giver& giver) { return giver.asker == &asker; });
    const bool empty = at->second.takers.empty() && at->second.givers.empty();
    at = empty ? meetings_.erase(at) : std::next(at);
  }
}

void PoolExchange::ended(std::uint32_t number) {
  const auto meeting = meetings_.extract(number);
  if (meeting.empty()) return;
  for (const Giver& giver : meeting.mapped().givers) refuse(*giver.asker, RefusalReason::no_such_job);
  for (const Taker& taker : meeting.mapped().takers) refuse(*taker.asker, RefusalReason::no_job_yourself);
}

}  // namespace usher
