// The accounts and services of private_etc.sh, as the real libpam and its modules see them. Runs inside it.
#include <doctest/doctest.h>
#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/accounts.h"
#include "tests/support/process.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_directory.h"

using namespace usher::testing;

namespace {

int answer_all(int count, const pam_message** messages, pam_response** responses, void* data) {
  auto& answers = *static_cast<std::vector<std::string>*>(data);
  *responses = static_cast<pam_response*>(calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  for (int n = 0; n < count; ++n) {
    if (messages[n]->msg_style == PAM_TEXT_INFO || messages[n]->msg_style == PAM_ERROR_MSG) continue;
    if (answers.empty()) answers.emplace_back();
    (*responses)[n].resp = strdup(answers.front().c_str());
    answers.erase(answers.begin());
  }
  return PAM_SUCCESS;
}

void no_delay(int, unsigned, void*) {}

class Login {
 public:
  Login(const std::string& service, std::string_view user, std::vector<std::string> answers)
      : answers_(std::move(answers)) {
    const pam_conv conversation{answer_all, &answers_};
    REQUIRE(in_private_etc());  // never the machine's own accounts
    REQUIRE(pam_start(service.c_str(), std::string(user).c_str(), &conversation, &handle_) == PAM_SUCCESS);
    const auto* delay = reinterpret_cast<const void*>(no_delay);
    REQUIRE(pam_set_item(handle_, PAM_FAIL_DELAY, delay) == PAM_SUCCESS);
  }
  Login(const Login&) = delete;
  ~Login() { pam_end(handle_, PAM_SUCCESS); }
  pam_handle_t* handle() const { return handle_; }

 private:
  std::vector<std::string> answers_;
  pam_handle_t* handle_ = nullptr;
};

// The result of authentication and, when that succeeded, of the account check.
int log_in(const std::string& service, std::string_view user, std::vector<std::string> answers) {
  const Login login(service, user, std::move(answers));
  const int result = pam_authenticate(login.handle(), 0);
  return result == PAM_SUCCESS ? pam_acct_mgmt(login.handle(), 0) : result;
}

int log_in(const std::string& service, std::string_view user) {
  return log_in(service, user, {password_of(user)});
}

// In a child: pam_oath leaks the answer it was given, which a leak checker would hold against this process.
int log_in_with_code(std::string_view code) {
  const pid_t pid = fork();
  if (pid == 0) _exit(log_in("usher-test-oath", account::kOath, {password_of(account::kOath), std::string(code)}));
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return WEXITSTATUS(status);
}

std::size_t group_count(const char* user, gid_t primary) {
  int count = 0;
  getgrouplist(user, primary, nullptr, &count);
  return static_cast<std::size_t>(count);
}

}  // namespace

TEST_CASE("private etc: the usual account logs in, and not with another password") {
  CHECK(log_in("usher-test", usual_account()) == PAM_SUCCESS);
  CHECK(log_in("usher-test", usual_account(), {"wrong"}) == PAM_AUTH_ERR);
}

TEST_CASE("private etc: each account answers as the table says") {
  SKIP_UNLESS(!single_uid(), "pam_unix checks other people's passwords for root only");
  struct Row {
    std::string_view user;
    int result;
  };
  for (const Row& row : std::array{
           Row{account::kNormal, PAM_SUCCESS}, Row{account::kSecond, PAM_SUCCESS}, Row{account::kYescrypt, PAM_SUCCESS},
           Row{account::kHugeUid, PAM_SUCCESS}, Row{account::kManyGroups, PAM_SUCCESS},
           Row{account::kHomeless, PAM_SUCCESS}, Row{account::kPrivate, PAM_SUCCESS},
           Row{account::kNoLogin, PAM_SUCCESS}, Row{account::kOdd, PAM_SUCCESS}, Row{account::kRoot, PAM_SUCCESS},
           Row{account::kLocked, PAM_AUTH_ERR}, Row{account::kNoPassword, PAM_AUTH_ERR},
           Row{account::kMustChange, PAM_NEW_AUTHTOK_REQD}, Row{account::kExpired, PAM_ACCT_EXPIRED}}) {
    CAPTURE(row.user);
    CHECK(log_in("usher-test", row.user) == row.result);
  }
  CHECK(log_in("usher-test-nullok", account::kNoPassword, {}) == PAM_SUCCESS);
}

TEST_CASE("private etc: uids, groups and homes are as the table says") {
  const passwd* huge = getpwnam("hugeuid");
  REQUIRE(huge != nullptr);
  CHECK(huge->pw_uid == kHugeUid);
  CHECK(group_count("manygroups", 7009) == kManyGroups + 1);
  CHECK(group_count("second", 7002) == 3);
  struct stat status {};
  CHECK(stat(home_of(account::kHomeless).c_str(), &status) != 0);
  REQUIRE(stat(home_of(account::kPrivate).c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  CHECK((single_uid() || status.st_uid == 7011));
}

TEST_CASE("private etc: a password that must be changed can be") {
  SKIP_UNLESS(!single_uid(), "needs root");
  const Login login("usher-test", account::kMustChange, {"mustchange-secret", "another-Secret-1", "another-Secret-1"});
  CHECK(pam_chauthtok(login.handle(), PAM_CHANGE_EXPIRED_AUTHTOK) == PAM_SUCCESS);
  CHECK(log_in("usher-test", account::kMustChange, {"another-Secret-1"}) == PAM_SUCCESS);
}

TEST_CASE("private etc: the one-time codes are good once") {
  SKIP_UNLESS(!single_uid(), "needs root");
  SKIP_UNLESS(has_pam_module("pam_oath.so"), "libpam-oath is not installed");
  CHECK(log_in_with_code(kOneTimeCodes[0]) == PAM_SUCCESS);
  CHECK(log_in_with_code(kOneTimeCodes[0]) == PAM_AUTH_ERR);
  CHECK(log_in_with_code(kOneTimeCodes[1]) == PAM_SUCCESS);
}

TEST_CASE("private etc: pam_faillock locks after three wrong passwords") {
  SKIP_UNLESS(!single_uid(), "needs root");
  CHECK(log_in("usher-test-faillock", account::kSecond) == PAM_SUCCESS);
  for (int n = 0; n < 3; ++n) CHECK(log_in("usher-test-faillock", account::kSecond, {"wrong"}) == PAM_AUTH_ERR);
  CHECK(log_in("usher-test-faillock", account::kSecond) != PAM_SUCCESS);
}

TEST_CASE("private etc: sessions get limits, variables and a group from PAM") {
  SKIP_UNLESS(!single_uid(), "needs root");
  const std::string who(account::kNormal);
  const auto session_of = [&](const std::string& service) {
    auto login = std::make_unique<Login>(service, who, std::vector{password_of(who)});
    REQUIRE(pam_authenticate(login->handle(), 0) == PAM_SUCCESS);
    REQUIRE(initgroups("normal", 7001) == 0);
    REQUIRE(pam_setcred(login->handle(), PAM_ESTABLISH_CRED) == PAM_SUCCESS);
    REQUIRE(pam_open_session(login->handle(), 0) == PAM_SUCCESS);
    return login;
  };
  CHECK(std::string(pam_getenv(session_of("usher-test-env")->handle(), "USHER_PAM_ENV")) == "from-pam");
  session_of("usher-test-group");
  CHECK(getgroups(0, nullptr) == 3);  // normal, clerks and from-pam
  REQUIRE(setgroups(0, nullptr) == 0);
}

TEST_CASE("private etc: the module service writes its calls down") {
  REQUIRE(log_in("usher-test-module", usual_account()) == PAM_SUCCESS);
  CHECK(read_file("/etc/pam_record").find("phase=auth flags=0x0 user=" + usual_account()) != std::string::npos);
}

TEST_CASE("private etc: what one writes no other sees") {
  const std::string script = USHER_TEST_PRIVATE_ETC_SCRIPT;
  const Result result = run({script, "/bin/sh", "-c", "echo mine >/etc/usher-mark && cat /etc/usher-mark; exit 5"});
  CHECK(result.error_output == "");
  CHECK(result.output == "mine\n");
  CHECK(result.ending.code == 5);
  CHECK(access("/etc/usher-mark", F_OK) != 0);
}
