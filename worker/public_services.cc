#include "worker/public_services.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/system.h"

namespace usher {

void PublicServices::set_order(SpawnOrder order, bool as_its_user) {
  order_ = std::move(order);
  as_its_user_ = as_its_user;
}

void PublicServices::follow(const Generation& generation) {
  for (Entry& entry : services_) {
    const auto same = [&](const PublicPlan& plan) {
      return plan.listener == entry.plan.listener && plan.account.uid == entry.plan.account.uid;
    };
    const bool stays = std::any_of(generation.public_plans.begin(), generation.public_plans.end(), same);
    if (!stays) leave(entry, {true, !has_socket(generation, entry)});
  }
  forget_dead();
  for (const PublicPlan& plan : generation.public_plans) {
    Entry* entry = find(plan);
    if (entry == nullptr) {
      add(plan, generation);
      continue;
    }
    entry->plan = plan;
    entry->generation = generation.number;
    entry->socket = generation.listening[plan.place];
    if (entry->service->running()) configure(*entry);
  }
}

bool PublicServices::has_socket(const Generation& generation, const Entry& entry) {
  return std::find(generation.listening.begin(), generation.listening.end(), entry.socket) != generation.listening.end();
}

PublicServices::Entry* PublicServices::find(const PublicPlan& plan) {
  const auto found = std::find_if(services_.begin(), services_.end(), [&](const Entry& entry) {
    return !entry.leaving && entry.plan.listener == plan.listener;
  });
  return found == services_.end() ? nullptr : &*found;
}

void PublicServices::add(const PublicPlan& plan, const Generation& generation) {
  Entry& entry = services_.emplace_back(Entry{plan, generation.listening[plan.place], generation.number});
  make_service(entry);
  SpawnOrder order = order_;
  if (as_its_user_) order.account = plan.account;
  entry.service->set_order(std::move(order));
  entry.service->start();
}

void PublicServices::make_service(Entry& entry) {
  Service::Callbacks callbacks;
  callbacks.started = [this, &entry] {
    configure(entry);
    connect(entry);
  };
  callbacks.said = [this, &entry](const Packet& packet) {
    if (packet.kind() == static_cast<std::uint8_t>(ServiceReady::kKind)) callbacks_.ready();
    if (packet.kind() != static_cast<std::uint8_t>(RunningPrograms::kKind)) return;
    entry.programs = packet.as<RunningPrograms>().count;
    callbacks_.fewer_programs();
  };
  callbacks.gave_up = [this](const std::string& reason) { callbacks_.gave_up(reason); };
  entry.service.emplace(loop_, "public listener " + entry.plan.listener, kPublicServiceRequests, std::move(callbacks));
}

std::vector<PublicServices::Row> PublicServices::rows() const {
  std::vector<Row> rows;
  for (const Entry& entry : services_) {
    if (entry.service->fd() < 0) continue;
    const PublicPlan& plan = entry.plan;
    rows.push_back({entry.service->pid(), entry.service->fd(), plan.listener, plan.program.name, plan.account.name});
  }
  return rows;
}

void PublicServices::adopt(const Row& row) {
  Entry& entry = services_.emplace_back();
  entry.plan.listener = row.listener;
  entry.plan.program.name = row.program;
  entry.plan.account.name = row.user;
  make_service(entry);
  entry.service->adopt(row.pid, Channel(UniqueFd(row.channel)));
  leave(entry, {true, false});
}

void PublicServices::configure(Entry& entry) {
  entry.service->send(Configure{entry.generation, false}, seal_plan(entry.plan));
  UniqueFd socket(check(::fcntl(entry.socket->fd(), F_DUPFD_CLOEXEC, 0), "duplicate a descriptor"));
  entry.service->send(ListeningSocket{entry.plan.place}, std::move(socket));
}

void PublicServices::connect(Entry& entry) {
  if (callbacks_.pool() == 0) return;
  ChannelPair pair = make_channel();
  entry.service->send(PeerChannel{callbacks_.pool()}, pair.ours.release());
  callbacks_.introduce({entry.service->pid(), entry.plan.listener, entry.plan.program.name, entry.plan.account.name},
                       pair.theirs.release());
}

void PublicServices::meet_pool() {
  for (Entry& entry : services_) {
    if (entry.service->running()) connect(entry);
  }
}

void PublicServices::leave(Entry& entry, const Stop& how) {
  if (entry.leaving) return;
  entry.leaving = true;
  entry.socket.reset();
  entry.service->stop(how);
}

bool PublicServices::ready(std::uint32_t generation) const {
  return std::all_of(services_.begin(), services_.end(), [&](const Entry& entry) {
    return entry.leaving || entry.service->ready_generation() == generation;
  });
}

bool PublicServices::owns(pid_t pid) const {
  return std::any_of(services_.begin(), services_.end(), [&](const Entry& entry) { return entry.service->pid() == pid; });
}

bool PublicServices::ended(pid_t pid, int wait_status) {
  const auto found =
      std::find_if(services_.begin(), services_.end(), [&](const Entry& entry) { return entry.service->pid() == pid; });
  if (found == services_.end()) return false;
  found->service->ended(wait_status);
  forget_dead();
  if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0) callbacks_.crashed();
  return true;
}

bool PublicServices::end(std::uint32_t number, std::chrono::milliseconds delay) {
  for (Entry& entry : services_) entry.service->send(EndPublicJob{number, static_cast<std::uint32_t>(delay.count())});
  return !services_.empty();
}

void PublicServices::stop(bool drain) {
  for (Entry& entry : services_) leave(entry, {drain, drain});
}

std::size_t PublicServices::programs() const {
  std::size_t sum = 0;
  for (const Entry& entry : services_) sum += entry.service->running() ? entry.programs : 0;
  return sum;
}

bool PublicServices::idle() const {
  return std::none_of(services_.begin(), services_.end(), [](const Entry& entry) { return entry.service->running(); });
}

// One that is between two lives has nothing more to come back for.
void PublicServices::forget_dead() {
  services_.remove_if([](const Entry& entry) { return entry.leaving && !entry.service->running(); });
}

void PublicServices::end_programs(std::chrono::milliseconds delay) { end(0, delay); }

void PublicServices::kill_all() const {
  for (const Entry& entry : services_) entry.service->kill();
}

void PublicServices::for_each(const std::function<void(const std::string& name, const Service&)>& visit) const {
  for (const Entry& entry : services_) visit(entry.plan.listener, *entry.service);
}

}  // namespace usher
