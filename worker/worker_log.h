// The lines of a worker's log: what became of a login and of its program. One line an event.
#pragma once

#include <chrono>
#include <string_view>

#include "worker/environment.h"
#include "worker/launch.h"
#include "worker/pool_messages.h"
#include "worker/session.h"

namespace usher::worker_log {

void login_accepted(const SessionFacts& facts, const std::string& user);
void login_refused(const SessionFacts& facts, std::string_view user, std::string_view reason);
void program_started(const SessionFacts& facts, const std::string& user, const std::string& program, pid_t pid,
                     Transport transport);
// Why the client's TLS is not the kernel's, where it was to be.
void kernel_refused(const SessionFacts& facts, std::string_view reason);
// To the job log too, where the user sees it.
void working_directory_missing(const SessionFacts& facts, const Account& account, int job_log);
void program_failed_to_start(const SessionFacts& facts, const std::string& user, const std::string& program,
                             const LaunchFailure& failure);
void program_ended(const SessionFacts& facts, const std::string& user, const std::string& program, const ProgramEnd& end,
                   Clock::duration lasted);

}  // namespace usher::worker_log
