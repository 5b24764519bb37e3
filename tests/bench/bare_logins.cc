#include "tests/bench/bare_logins.h"

#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

#include "base/clock.h"
#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/bench/front_door.h"
#include "tests/support/accounts.h"

namespace usher::bench {
namespace {

// Every question is for the password.
int answer(int count, const pam_message** /*messages*/, pam_response** responses, void* password) {
  *responses = static_cast<pam_response*>(::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  for (int i = 0; i < count; ++i) (*responses)[i].resp = ::strdup(static_cast<const char*>(password));
  return PAM_SUCCESS;
}

void log_in(const std::string& account, std::string& password) {
  const pam_conv conversation{answer, password.data()};
  pam_handle_t* handle = nullptr;
  if (pam_start(kPamService, account.c_str(), &conversation, &handle) != PAM_SUCCESS) _exit(1);
  for (const auto call : {pam_authenticate, pam_acct_mgmt}) {
    if (call(handle, 0) != PAM_SUCCESS) _exit(1);
  }
  pam_setcred(handle, PAM_ESTABLISH_CRED);
  pam_open_session(handle, 0);
  pam_close_session(handle, 0);
  pam_setcred(handle, PAM_DELETE_CRED);
  pam_end(handle, PAM_SUCCESS);
}

[[noreturn]] void log_in_until(Instant stop, const std::string& account, int report) {
  std::string password = testing::password_of(account);
  while (Clock::now() < stop) {
    const Instant begin = Clock::now();
    log_in(account, password);
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    if (::write(report, &ms, sizeof ms) != sizeof ms) _exit(1);
  }
  _exit(0);
}

}  // namespace

LoadResult log_in_barely(const std::string& account, unsigned processes, std::chrono::milliseconds time) {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
  const UniqueFd reports(ends[0]);
  UniqueFd report(ends[1]);
  const Instant begin = Clock::now();
  std::vector<pid_t> pids;
  for (unsigned i = 0; i < processes; ++i) {
    pids.push_back(check(::fork(), "make a process"));
    if (pids.back() == 0) log_in_until(begin + time, account, report.get());
  }
  report.reset();
  LoadResult result;
  for (double ms = 0; ::read(reports.get(), &ms, sizeof ms) == sizeof ms;) result.latencies.push_back(ms);
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  for (const pid_t pid : pids) {
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || status != 0) throw std::runtime_error("PAM refuses " + account);
  }
  return result;
}

}  // namespace usher::bench
