#include "worker/public_start.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/system.h"

namespace usher {
namespace {

constexpr int kMostWaits = 10;  // of 20 ms at most: for one child of many to reach its program

LaunchPlan common_plan(const PublicPlan& plan, rlim_t open_files) {
  LaunchPlan launch{};
  launch.nice = plan.program.nice;
  launch.parent_is_plain = true;
  plan_limits(plan.program.limits, launch);
  if (plan.program.limits.open_files == 0) {
    rlimit own{};
    check(::getrlimit(RLIMIT_NOFILE, &own), "look at a limit");
    launch.limits.at(launch.limit_count++) = {RLIMIT_NOFILE, {open_files, own.rlim_max}};
  }
  return launch;
}

}  // namespace

PublicStart::PublicStart(const PublicPlan& plan, const Endpoint& local, int log, rlim_t open_files)
    : words_(plan.program.command),
      arguments_(pointers(words_)),
      errors_to_client_(plan.program.stderr_to == StderrTo::client),
      log_(log) {
  const LaunchPlan common = common_plan(plan, open_files);
  for (std::size_t i = 0; i < kPlaces; ++i) {
    Place& place = *places_.emplace_back(std::make_unique<Place>(plan, local));
    place.launch = common;
    place.launch.path = words_.front().c_str();
    place.launch.arguments = arguments_.data();
  }
  enter_directory(plan);
}

PublicStart::~PublicStart() {
  for (const auto& place : places_) {
    while (place->room.busy()) place->room.wait();  // what it reads is about to go
  }
}

void PublicStart::enter_directory(const PublicPlan& plan) {
  const std::string directory = directory_of(plan.program, plan.account);
  if (directory.starts_with('/') && ::chdir(directory.c_str()) == 0) return;
  log::warning("no_working_directory", {{"listener", plan.listener}, {"directory", directory}, {"instead", "/"}});
  check(::chdir("/"), "enter /");
}

PublicStart::Place* PublicStart::free_place() {
  for (int waits = 0; waits < kMostWaits; ++waits) {
    for (std::size_t i = 0; i < kPlaces; ++i) {
      Place& place = *places_[next_];
      next_ = (next_ + 1) % kPlaces;
      if (!place.room.busy()) return &place;
    }
    places_[next_]->room.wait();
  }
  return nullptr;
}

pid_t PublicStart::run(int connection, std::uint32_t number, const Endpoint& client, const Endpoint& local) {
  Place* place = free_place();
  if (place == nullptr) {
    errno = EAGAIN;
    return -1;
  }
  note_failure(*place);
  place->launch.environment = place->environment.of(number, client, local);
  place->launch.connection = connection;
  place->launch.standard_error = errors_to_client_ ? connection : log_;
  place->pid = place->room.start(place->launch);
  return place->pid;
}

bool PublicStart::busy() const {
  return std::any_of(places_.begin(), places_.end(), [](const auto& place) { return place->room.busy(); });
}

void PublicStart::ended(pid_t pid) {
  const auto found = std::find_if(places_.begin(), places_.end(), [&](const auto& place) { return place->pid == pid; });
  if (found == places_.end()) return;
  (*found)->pid = 0;
  (*found)->room.clear();  // a child that dumped core has not said so
  note_failure(**found);
}

void PublicStart::note_failure(Place& place) {
  if (place.launch.failed_step == LaunchStep::none) return;
  failure_ = {place.launch.failed_step, place.launch.error_number};
  place.launch.failed_step = LaunchStep::none;
}

}  // namespace usher
