// pam_usher_test.so, loaded by the real libpam.
#include <doctest/doctest.h>
#include <security/pam_appl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/accounts.h"
#include "tests/support/descriptors.h"
#include "tests/support/process_table.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/wait_until.h"

using namespace usher::testing;

namespace {

struct Dialog {
  std::vector<std::string> answers;  // to the questions, in their order
  std::vector<std::string> said;     // "STYLE TEXT"
  std::size_t calls = 0;
};

// A question without an answer left fails the conversation.
int converse(int count, const pam_message** messages, pam_response** responses, void* data) {
  auto& dialog = *static_cast<Dialog*>(data);
  ++dialog.calls;
  *responses = static_cast<pam_response*>(calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  for (int n = 0; n < count; ++n) {
    const int style = messages[n]->msg_style;
    dialog.said.push_back(std::to_string(style) + " " + messages[n]->msg);
    if (style != PAM_PROMPT_ECHO_ON && style != PAM_PROMPT_ECHO_OFF) continue;
    if (dialog.answers.empty()) {
      free(*responses);  // holds no answer: this module asks one question at a time when answers may run out
      return PAM_CONV_ERR;
    }
    (*responses)[n].resp = strdup(dialog.answers.front().c_str());
    dialog.answers.erase(dialog.answers.begin());
  }
  return PAM_SUCCESS;
}

// A handle on a service whose every line is the test module with these arguments.
class Session {
 public:
  explicit Session(const std::string& arguments, Dialog dialog = {}) : dialog_(std::move(dialog)) {
    std::ostringstream service;
    for (const char* type : {"auth", "account", "password", "session"}) {
      service << type << " required " << pam_test_module() << ' ' << arguments << '\n';
    }
    directory_.write("service", service.str());
    const pam_conv conversation{converse, &dialog_};
    REQUIRE(pam_start_confdir("service", "anybody", &conversation, directory_.path().c_str(), &handle_) == PAM_SUCCESS);
  }
  Session(const Session&) = delete;
  ~Session() { pam_end(handle_, PAM_SUCCESS); }

  pam_handle_t* handle() const { return handle_; }
  const Dialog& dialog() const { return dialog_; }
  std::string file() const { return directory_.path("record"); }

 private:
  TemporaryDirectory directory_;
  Dialog dialog_;
  pam_handle_t* handle_ = nullptr;
};

int authenticate(const std::string& arguments, Dialog dialog = {}) {
  const Session session(arguments, std::move(dialog));
  return pam_authenticate(session.handle(), 0);
}

// How a child ends that authenticates and then does `work`. The session is the parent's: a child that ends in the
// middle removes no directory.
int status_of_child(const std::string& arguments, const std::function<void(pam_handle_t*)>& work = {}) {
  const Session session(arguments);
  const pid_t pid = fork();
  if (pid == 0) {
    const int result = pam_authenticate(session.handle(), 0);
    if (result == PAM_SUCCESS && work) work(session.handle());
    _exit(result);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return status;
}

}  // namespace

TEST_CASE("pam test module: each phase is written down with who was logged in") {
  const TemporaryDirectory directory;
  const Session session("record=" + directory.path("record"));
  REQUIRE(pam_set_item(session.handle(), PAM_RHOST, "192.0.2.7") == PAM_SUCCESS);
  REQUIRE(pam_authenticate(session.handle(), 0) == PAM_SUCCESS);
  REQUIRE(pam_acct_mgmt(session.handle(), 0) == PAM_SUCCESS);
  REQUIRE(pam_setcred(session.handle(), PAM_ESTABLISH_CRED) == PAM_SUCCESS);
  REQUIRE(pam_open_session(session.handle(), 0) == PAM_SUCCESS);
  REQUIRE(pam_close_session(session.handle(), 0) == PAM_SUCCESS);
  REQUIRE(pam_setcred(session.handle(), PAM_DELETE_CRED) == PAM_SUCCESS);
  REQUIRE(pam_chauthtok(session.handle(), 0) == PAM_SUCCESS);

  std::istringstream lines(read_file(directory.path("record")));
  const std::string who = "pid=" + std::to_string(getpid()) + " uid=" + std::to_string(getuid());
  for (const char* phase :
       {"auth", "account", "setcred-establish", "open", "close", "setcred-delete", "password-check", "password"}) {
    std::string line;
    REQUIRE(std::getline(lines, line));
    CHECK(line.starts_with(who + " phase=" + phase + " flags=0x"));
    CHECK(line.ends_with(" user=anybody rhost=192.0.2.7 tty= service=service"));
  }
}

TEST_CASE("pam test module: it fails in the phase it is told to, with the code it is told to") {
  CHECK(authenticate("fail=auth") == PAM_AUTH_ERR);
  CHECK(authenticate("fail=auth:MAXTRIES") == PAM_MAXTRIES);
  CHECK(authenticate("fail=open") == PAM_SUCCESS);
  const Session session("fail=open fail=close:ABORT");
  CHECK(pam_open_session(session.handle(), 0) == PAM_SESSION_ERR);
  CHECK(pam_close_session(session.handle(), 0) == PAM_ABORT);
}

TEST_CASE("pam test module: a mistyped argument is an error, not a silent success") {
  CHECK(authenticate("fial=auth") == PAM_SERVICE_ERR);
  CHECK(authenticate("fail=auth:NO_SUCH_CODE") == PAM_SERVICE_ERR);
}

TEST_CASE("pam test module: questions alternate between shown and hidden answers, and the answers count") {
  const Session session("prompts=3", {{"answer1", "answer2", "answer3"}, {}});
  CHECK(pam_authenticate(session.handle(), 0) == PAM_SUCCESS);
  CHECK(session.dialog().calls == 3);
  CHECK(session.dialog().said == std::vector<std::string>{"2 Question 1: ", "1 Question 2: ", "2 Question 3: "});
  CHECK(authenticate("prompts=2", {{"answer1", "wrong"}, {}}) == PAM_AUTH_ERR);
  CHECK(authenticate("prompts=2", {{"wrong", "answer2"}, {}}) == PAM_AUTH_ERR);
  CHECK(authenticate("prompts=2", {{"answer1"}, {}}) == PAM_CONV_ERR);
}

TEST_CASE("pam test module: all questions can be asked in one call") {
  const Session session("together=3", {{"answer1", "answer2", "answer3"}, {}});
  CHECK(pam_authenticate(session.handle(), 0) == PAM_SUCCESS);
  CHECK(session.dialog().calls == 1);
  CHECK(session.dialog().said.size() == 3);
}

TEST_CASE("pam test module: texts of both kinds come in their order, with any byte and of any length") {
  const Session session("[info=two words\\x0D\\x0A900 forged] error=bad\\x1B long=4000");
  CHECK(pam_open_session(session.handle(), 0) == PAM_SUCCESS);
  CHECK(session.dialog().said ==
        std::vector<std::string>{"4 two words\r\n900 forged", "3 bad\x1B", "4 " + std::string(4000, 'x')});
}

TEST_CASE("pam test module: it sets variables, the user and limits") {
  const int status = status_of_child("env=COLOUR=blue user=somebody limit=nofile:77 nice=3", [](pam_handle_t* handle) {
    const void* user = nullptr;
    rlimit limit{};
    if (std::strcmp(pam_getenv(handle, "COLOUR"), "blue") != 0) _exit(101);
    if (pam_get_item(handle, PAM_USER, &user) != PAM_SUCCESS) _exit(102);
    if (std::strcmp(static_cast<const char*>(user), "somebody") != 0) _exit(103);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur != 77 || limit.rlim_max != 77) _exit(104);
    if (getpriority(PRIO_PROCESS, 0) != 3) _exit(105);
  });
  CHECK(WEXITSTATUS(status) == PAM_SUCCESS);
}

TEST_CASE("pam test module: it ends or crashes the process that called it") {
  CHECK(WEXITSTATUS(status_of_child("exit=auth")) == 3);
  CHECK(WTERMSIG(status_of_child("crash=auth")) == SIGSEGV);
}

TEST_CASE("pam test module: it leaves a process and a descriptor behind") {
  const std::size_t before = open_descriptors();
  REQUIRE(authenticate("spawn=auth leak=auth") == PAM_SUCCESS);
  CHECK(open_descriptors() == before + 1);
  const auto children = children_of(getpid());
  REQUIRE(children.size() == 1);
  CHECK(wait_until([] { return children_of(getpid()).front().name == "pam_spawned"; }));
  kill(children.front().pid, SIGKILL);
  CHECK(waitpid(children.front().pid, nullptr, 0) == children.front().pid);
}
