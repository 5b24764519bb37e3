// The lines of a worker's log: what became of a login and of its program. One line an event.
#pragma once

#include <chrono>
#include <string_view>

#include "worker/environment.h"
#include "worker/launch.h"
#include "worker/session.h"

namespace usher::worker_log {

void login_accepted(const SessionFacts& facts, const std::string& user);
void login_refused(const SessionFacts& facts, std::string_view user, std::string_view reason);
void program_started(const SessionFacts& facts, const std::string& user, const std::string& program, pid_t pid);
void program_failed_to_start(const SessionFacts& facts, const std::string& user, const std::string& program,
                             const LaunchFailure& failure);
void program_ended(const SessionFacts& facts, const std::string& user, const std::string& program, const ProgramEnd& end,
                   Clock::duration lasted);

}  // namespace usher::worker_log
