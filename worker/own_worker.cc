#include "worker/own_worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "auth/become_user.h"
#include "base/log.h"
#include "base/pipe.h"
#include "base/signal_name.h"
#include "base/system.h"
#include "handover/own_connection.h"
#include "worker/descendants.h"
#include "worker/launch.h"
#include "worker/session.h"
#include "worker/starter_death.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kLeftoverPatience = 2s;

volatile sig_atomic_t program_pid = 0;

// The starter retires a worker by SIGTERM: the program serves what it has, and goes.
void pass_on(int signal) {
  if (program_pid > 0) ::kill(static_cast<pid_t>(program_pid), signal);
}

class OwnWorker {
 public:
  explicit OwnWorker(WorkerParts parts)
      : parts_(std::move(parts)),
        config_(parts_.configuration.pools.at(parts_.pool)),
        job_(job_name(parts_.number, parts_.owner, config_.name)),
        pool_(std::move(parts_.pool_channel), parts_.configuration.server.runtime_directory + "/pool.sock",
              parts_.number, parts_.id) {}

  WorkerExit run() {
    ::setsid();
    check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become the parent of orphans");
    end_with_starter();
    struct sigaction action {};
    action.sa_handler = pass_on;
    action.sa_flags = SA_RESTART;
    check(sigaction(SIGTERM, &action, nullptr), "hear of the end");

    const Launched launched = start();
    if (wait_until_ready(launched)) {
      if (!parts_.starter.send(WorkerReady{})) ::kill(launched.pid, SIGTERM);
      pool_.joined();
    }
    const ProgramEnd end = wait_for_program(launched, {-1, parts_.starter, pool_, 0ms});
    program_pid = 0;
    return leave(end.wait_status);
  }

 private:
  Account account() const {
    auto account = find_account(config_.user);
    if (!account) throw Error(ErrorCode::configuration, "there is no user \"" + config_.user + "\"");
    return *account;
  }

  std::vector<std::string> environment(const Account& account) const {
    const std::string& runtime = parts_.configuration.server.runtime_directory;
    std::vector<std::string> variables{"USER=" + account.name,
                                       "LOGNAME=" + account.name,
                                       "HOME=" + account.home,
                                       "SHELL=" + (account.shell.empty() ? "/bin/sh" : account.shell),
                                       "PATH=/usr/local/bin:/usr/bin:/bin",
                                       "LANG=C.UTF-8",
                                       "USHER_JOB=" + job_,
                                       std::string(kOwnWorkerVariable) + "=" + config_.name};
    if (runtime != "/run/usher") variables.push_back("USHER_RUNTIME_DIRECTORY=" + runtime);
    return variables;
  }

  Launched start() {
    const Account account = this->account();
    const Pipe log = make_pipe();
    const Pipe ready = make_pipe();
    const UniqueFd page = make_use_page(config_.max_use);
    const UniqueFd null(check(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
    pool_.keep_log(UniqueFd(check(::fcntl(log.read.get(), F_DUPFD_CLOEXEC, 3), "keep the job log")));
    ProgramConfig program;
    program.command = config_.command;
    program.working_directory = "~";
    take_groups(account, groups_of(account));
    end_with_starter();  // a change of ids took it away
    const LaunchOrder order{account,    program,         {}, environment(account),
                            null.get(), log.write.get(), "", {parts_.listener.fd(), page.get(), ready.write.get()}};
    Launched launched = launch_logged(order);
    program_pid = launched.pid;
    parts_.listener.close();
    ready_ = UniqueFd(check(::fcntl(ready.read.get(), F_DUPFD_CLOEXEC, 3), "keep a pipe"));
    pool_.own_program(launched.pid, config_.user, page.get());
    return launched;
  }

  Launched launch_logged(const LaunchOrder& order) const try {
    return launch(order);
  } catch (const LaunchFailure& failure) {
    log::error("own_worker_failed_to_start", {{"job", job_},
                                              {"step", name_of(failure.step)},
                                              {"reason", std::generic_category().message(failure.error_number)}});
    throw Error(ErrorCode::io, "start " + config_.command.front(), failure.error_number);
  }

  // False when it will not be: it has ended, or whoever started it has.
  bool wait_until_ready(const Launched& launched) {
    while (true) {
      std::array<pollfd, 3> fds{
          {{ready_.get(), POLLIN, 0}, {launched.pidfd.get(), POLLIN, 0}, {parts_.starter.fd(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) throw_errno("wait for the program");
      if ((fds[0].revents & POLLIN) != 0) return true;
      if (fds[1].revents != 0 || fds[2].revents != 0) return false;
      // It closed the pipe without a word and goes on: the starter's deadline ends it.
      if (fds[0].revents != 0) ready_.reset();
    }
  }

  WorkerExit leave(int wait_status) {
    parts_.starter.send(SessionEnding{});
    const bool by_signal = WIFSIGNALED(wait_status);
    const int value = by_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
    if (value != 0) {
      log::warning("own_worker_ended",
                   {{"job", job_}, {"end", by_signal ? signal_name(value) : "status " + std::to_string(value)}});
    }
    pool_.ended(by_signal ? EndKind::signal : value == 0 ? EndKind::normal : EndKind::status, value);
    return end_all_descendants(Clock::now() + kLeftoverPatience) ? WorkerExit::clean : WorkerExit::unclean;
  }

  WorkerParts parts_;
  const PoolConfig& config_;
  std::string job_;
  PoolLink pool_;
  UniqueFd ready_;
};

}  // namespace

WorkerExit run_own_worker(WorkerParts parts) noexcept try {
  return OwnWorker(std::move(parts)).run();
} catch (const std::exception& error) {
  log::error("worker_failed", {{"reason", error.what()}});
  return WorkerExit::unclean;
} catch (...) {
  return WorkerExit::unclean;
}

}  // namespace usher
