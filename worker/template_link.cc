#include "worker/template_link.h"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>

#include "base/log.h"
#include "base/system.h"
#include "worker/service.h"

namespace usher {
namespace {

constexpr std::chrono::seconds kPause{1};
constexpr std::chrono::seconds kPatience{30};

UniqueFd duplicate(const UniqueFd& fd) {
  return UniqueFd(check(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0), "pass the configuration"));
}

}  // namespace

void TemplateLink::prepare(std::uint32_t generation, UniqueFd sealed, Prepared prepared) {
  next_start_.end();
  ProcessPtr made = start(generation, std::move(sealed), std::move(prepared));
  if (candidate_) retire(std::move(candidate_));
  candidate_ = std::move(made);
}

void TemplateLink::renew() {
  if (stopping_ || candidate_ || next_start_.pending()) return;
  next_start_ = loop_.at(std::max(made_at_ + kPause, Clock::now()), [this] { start_again(); });
}

void TemplateLink::start_again() try {
  candidate_ = start(generation_, duplicate(sealed_), [this](const std::string& failure) {
    if (failure.empty()) return;
    log::error("template_not_renewed", {{"reason", failure}});
    renew();
  });
} catch (const std::system_error& error) {
  made_at_ = Clock::now();
  log::error("template_not_started", {{"reason", error.what()}});
  renew();
}

TemplateLink::ProcessPtr TemplateLink::start(std::uint32_t generation, UniqueFd sealed, Prepared prepared) {
  made_at_ = Clock::now();
  auto [ours, theirs] = make_channel();
  SpawnOrder order = order_;
  order.descriptors = {theirs.fd()};
  auto process = std::make_unique<Process>();
  Process& made = *process;
  made.generation = generation;
  made.prepared = std::move(prepared);
  made.pid = spawn(order);
  made.link = std::make_unique<Link>(
      loop_, std::move(ours), [this, &made](Packet& packet) { hear(made, packet); },
      [&made](const std::string& /*why*/) {
        made.link.reset();
        if (!made.reaped) ::kill(made.pid, SIGKILL);  // its end is heard of as that of a child
      },
      0);
  made.patience = loop_.after(kPatience, [&made] {
    made.reason = "it was not ready in time: does a PAM module hang?";
    ::kill(made.pid, SIGKILL);
  });
  made.link->send(Prepare{generation}, duplicate(sealed));
  made.sealed = std::move(sealed);
  return process;
}

void TemplateLink::retire(ProcessPtr process) {
  process->prepared = nullptr;
  process->patience.end();
  if (process->asked.empty()) process->link.reset();
  retired_.push_back(std::move(process));
}

void TemplateLink::fork_worker(const ForkWorker& order, std::vector<UniqueFd> channels) {
  waiting_.push_back({order, std::move(channels)});
  send_waiting();
}

void TemplateLink::hold(bool held) {
  held_ = held;
  send_waiting();
}

std::size_t TemplateLink::outstanding() const {
  std::size_t count = current_ ? current_->asked.size() : 0;
  for (const auto& process : retired_) count += process->asked.size();
  return count;
}

void TemplateLink::send_waiting() {
  while (!held_ && current_ && current_->link && !waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    current_->asked.insert(next.order.number);
    current_->link->send(next.order, std::move(next.channels));
  }
}

void TemplateLink::fail_waiting(const std::string& reason) {
  for (const Waiting& waiting : std::exchange(waiting_, {})) callbacks_.failed(waiting.order.number, reason);
}

void TemplateLink::hear(Process& process, Packet& packet) {
  process.gate.check(packet, &process == candidate_.get() ? TemplateState::preparing : TemplateState::ready);
  switch (static_cast<TemplateSays>(packet.kind())) {
    case TemplateSays::ready: return in_use(process);
    case TemplateSays::failed: process.reason = packet.as<TemplateFailed>().reason.str(); return;
    case TemplateSays::forked: {
      const auto forked = packet.as<Forked>();
      callbacks_.forked(forked.number, forked.pid);
      return answered(process, forked.number);
    }
    case TemplateSays::fork_failed: {
      const auto failed = packet.as<ForkFailed>();
      callbacks_.failed(failed.number, std::generic_category().message(failed.error_number));
      return answered(process, failed.number);
    }
  }
}

void TemplateLink::in_use(Process& process) {
  process.patience.end();
  // Workers that wait are of the configuration before this one.
  const bool changed = generation_ != 0 && process.generation != generation_;
  if (changed) fail_waiting("the configuration has changed");
  generation_ = process.generation;
  sealed_ = std::move(process.sealed);
  if (current_) retire(std::move(current_));
  current_ = std::move(candidate_);
  const Prepared prepared = std::exchange(process.prepared, nullptr);
  prepared("");
  send_waiting();
}

// The last answer of a retired one lets it go; not from inside its own link's call.
void TemplateLink::answered(Process& process, std::uint32_t number) {
  process.asked.erase(number);
  if (&process == current_.get() || !process.asked.empty()) return;
  loop_.defer([this, pid = process.pid] {
    for (const auto& retired : retired_) {
      if (retired->pid == pid) retired->link.reset();
    }
  });
}

bool TemplateLink::owns(pid_t pid) const {
  const auto is = [pid](const ProcessPtr& process) { return process && process->pid == pid; };
  return is(current_) || is(candidate_) || std::any_of(retired_.begin(), retired_.end(), is);
}

TemplateLink::ProcessPtr TemplateLink::take(pid_t pid) {
  if (current_ && current_->pid == pid) return std::move(current_);
  if (candidate_ && candidate_->pid == pid) return std::move(candidate_);
  const auto found =
      std::find_if(retired_.begin(), retired_.end(), [pid](const ProcessPtr& process) { return process->pid == pid; });
  if (found == retired_.end()) return nullptr;
  ProcessPtr process = std::move(*found);
  retired_.erase(found);
  return process;
}

// Its last words may be under way still: why it could not be prepared.
void TemplateLink::hear_last_words(pid_t pid) {
  if (!candidate_ || candidate_->pid != pid || !candidate_->link) return;
  candidate_->reaped = true;
  candidate_->link->hear_now();
}

bool TemplateLink::ended(pid_t pid, int wait_status) {
  hear_last_words(pid);
  const bool was_current = current_ && current_->pid == pid;
  const ProcessPtr process = take(pid);
  if (!process) return false;
  const std::string end = end_of_process(wait_status);
  if (process->prepared) {
    process->prepared("usher-worker ended (" + end + ")" + (process->reason.empty() ? "" : ": " + process->reason));
  } else if (was_current && !stopping_) {
    log::error("template_ended", {{"end", end}});
    renew();
  }
  for (const std::uint32_t number : process->asked) callbacks_.failed(number, "the template ended");
  return true;
}

void TemplateLink::stop() {
  stopping_ = true;
  next_start_.end();
  fail_waiting("Usher stops");
  if (candidate_) retire(std::move(candidate_));
  if (current_) retire(std::move(current_));
}

}  // namespace usher
