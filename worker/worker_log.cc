#include "worker/worker_log.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/log.h"
#include "base/signal_name.h"

namespace usher::worker_log {

void login_accepted(const SessionFacts& facts, const std::string& user) {
  log::info("login_accepted",
            {{"job", facts.job}, {"listener", facts.listener}, {"client", facts.client.text()}, {"user", user}});
}

void login_refused(const SessionFacts& facts, std::string_view user, std::string_view reason) {
  log::notice("login_refused", {{"job", facts.job},
                                {"listener", facts.listener},
                                {"client", facts.client.text()},
                                {"user", user},
                                {"reason", reason}});
}

void program_started(const SessionFacts& facts, const std::string& user, const std::string& program, pid_t pid,
                     Transport transport) {
  log::info("program_started", {{"job", facts.job},
                                {"user", user},
                                {"program", program},
                                {"client", facts.client.text()},
                                {"pid", pid},
                                {"transport", text_of(transport)}});
}

void kernel_refused(const SessionFacts& facts, std::string_view reason) {
  log::notice("tls_not_in_kernel", {{"job", facts.job}, {"listener", facts.listener}, {"reason", reason}});
}

void working_directory_missing(const SessionFacts& facts, const Account& account, int job_log) {
  constexpr std::string_view kNote = "usher: the working directory cannot be entered; the program started in /\n";
  log::warning("working_directory_missing", {{"job", facts.job}, {"user", account.name}, {"home", account.home}});
  if (::write(job_log, kNote.data(), kNote.size()) < 0) return;  // an empty pipe has room for a line
}

void program_failed_to_start(const SessionFacts& facts, const std::string& user, const std::string& program,
                             const LaunchFailure& failure) {
  log::error("program_failed_to_start", {{"job", facts.job},
                                         {"user", user},
                                         {"program", program},
                                         {"step", name_of(failure.step)},
                                         {"reason", std::generic_category().message(failure.error_number)}});
}

void program_ended(const SessionFacts& facts, const std::string& user, const std::string& program, const ProgramEnd& end,
                   Clock::duration lasted) {
  constexpr std::array kWhy{"", "connection lost", "timeout", "ended", "stopped"};
  const bool by_signal = WIFSIGNALED(end.wait_status);
  const std::string how =
      by_signal ? signal_name(WTERMSIG(end.wait_status)) : "status " + std::to_string(WEXITSTATUS(end.wait_status));
  log::info("program_ended", {{"job", facts.job},
                              {"user", user},
                              {"program", program},
                              {"end", how},
                              {"reason", kWhy.at(static_cast<std::size_t>(end.why))},
                              {"ms", std::chrono::duration_cast<std::chrono::milliseconds>(lasted).count()}});
}

}  // namespace usher::worker_log
