// pam_usher_test.so: a PAM module that does what its arguments in the service file say, in their order.
//
// Model:  each argument is one behaviour; the first that does not succeed ends the call with its result. Without any,
// every
//         phase succeeds. PHASE is one of kPhases: a line `auth` serves auth and setcred, `session` serves open and
//         close, `password` serves password-check and password. Behaviours without a PHASE act in auth, account, open,
//         password.
//
//   record=FILE          appends "pid=N uid=N phase=PHASE flags=0xN user=U rhost=H tty=T service=S"
//   fail=PHASE[:CODE]    the phase's usual refusal, or PAM_CODE
//   hang=PHASE  crash=PHASE  exit=PHASE
//   spawn=PHASE          leaves a child process behind, named pam_spawned
//   leak=PHASE           leaves a descriptor open that exec would keep
//   noise=PHASE          writes to standard output and standard error
//   prompts=N            asks N questions, one at a time, the odd ones with echo; the answers are answer1, answer2, ...
//   together=N           the same questions in one call of the conversation
//   info=TEXT            and error=TEXT: texts for the user; \xHH is that byte; write [info=two words] for blanks
//   long=N               an information text of N bytes
//   env=NAME=VALUE  user=NAME  delay=MICROSECONDS  nice=N
//   limit=NAME:N         sets both limits of core, cpu, fsize, nofile or nproc
//
// An argument that is none of these is a PAM_SERVICE_ERR: a mistyped service file must not pass for a test.
#include <fcntl.h>
#include <security/pam_modules.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Phase {
  std::string_view name;
  int refusal;
  bool speaks;  // behaviours without a PHASE act here
};

constexpr std::array kPhases{
    Phase{"auth", PAM_AUTH_ERR, true},
    Phase{"account", PAM_PERM_DENIED, true},
    Phase{"setcred-establish", PAM_CRED_ERR, false},
    Phase{"open", PAM_SESSION_ERR, true},
    Phase{"close", PAM_SESSION_ERR, false},
    Phase{"setcred-delete", PAM_CRED_ERR, false},
    Phase{"password-check", PAM_TRY_AGAIN, false},
    Phase{"password", PAM_AUTHTOK_ERR, true},
};

struct Name {
  std::string_view name;
  int value;
};

constexpr std::array kCodes{
    Name{"ABORT", PAM_ABORT},
    Name{"ACCT_EXPIRED", PAM_ACCT_EXPIRED},
    Name{"AUTHINFO_UNAVAIL", PAM_AUTHINFO_UNAVAIL},
    Name{"AUTH_ERR", PAM_AUTH_ERR},
    Name{"CONV_ERR", PAM_CONV_ERR},
    Name{"CRED_ERR", PAM_CRED_ERR},
    Name{"IGNORE", PAM_IGNORE},
    Name{"MAXTRIES", PAM_MAXTRIES},
    Name{"NEW_AUTHTOK_REQD", PAM_NEW_AUTHTOK_REQD},
    Name{"PERM_DENIED", PAM_PERM_DENIED},
    Name{"SESSION_ERR", PAM_SESSION_ERR},
    Name{"SYSTEM_ERR", PAM_SYSTEM_ERR},
    Name{"USER_UNKNOWN", PAM_USER_UNKNOWN},
};

constexpr std::array kLimits{
    Name{"core", RLIMIT_CORE},     Name{"cpu", RLIMIT_CPU},     Name{"fsize", RLIMIT_FSIZE},
    Name{"nofile", RLIMIT_NOFILE}, Name{"nproc", RLIMIT_NPROC},
};

struct Call {
  pam_handle_t* handle;
  const Phase& phase;
  int flags;
};

template <class Table>
auto find(const Table& table, std::string_view name) {
  const auto* row = table.begin();
  while (row != table.end() && row->name != name) ++row;
  return row;
}

unsigned long number(std::string_view text) {
  unsigned long value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "before:after"; the whole text and nothing when there is no separator.
std::pair<std::string_view, std::string_view> split(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

// \xHH becomes that byte.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned value = 0;
    if (text.substr(at, 2) == "\\x" && at + 4 <= text.size()) {
      std::from_chars(text.data() + at + 2, text.data() + at + 4, value, 16);
      out += static_cast<char>(value);
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

std::string item(pam_handle_t* handle, int type) {
  const void* value = nullptr;
  if (pam_get_item(handle, type, &value) != PAM_SUCCESS || value == nullptr) return "";
  return static_cast<const char*>(value);
}

int record(const Call& call, std::string_view file) {
  std::ostringstream line;
  line << "pid=" << getpid() << " uid=" << getuid() << " phase=" << call.phase.name << std::hex << " flags=0x"
       << call.flags << " user=" << item(call.handle, PAM_USER) << " rhost=" << item(call.handle, PAM_RHOST)
       << " tty=" << item(call.handle, PAM_TTY) << " service=" << item(call.handle, PAM_SERVICE) << '\n';
  const std::string text = line.str();
  const int fd = open(std::string(file).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return PAM_SERVICE_ERR;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written ? PAM_SUCCESS : PAM_SERVICE_ERR;
}

int fail(const Call& call, std::string_view value) {
  const auto [phase, code] = split(value, ':');
  if (phase != call.phase.name) return PAM_SUCCESS;
  if (code.empty()) return call.phase.refusal;
  const auto* row = find(kCodes, code);
  return row == kCodes.end() ? PAM_SERVICE_ERR : row->value;
}

int hang(const Call& call, std::string_view phase) {
  while (phase == call.phase.name) pause();
  return PAM_SUCCESS;
}

int crash(const Call& call, std::string_view phase) {
  if (phase != call.phase.name) return PAM_SUCCESS;
  std::signal(SIGSEGV, SIG_DFL);
  std::raise(SIGSEGV);
  return PAM_ABORT;
}

int leave(const Call& call, std::string_view phase) {
  if (phase == call.phase.name) _exit(3);
  return PAM_SUCCESS;
}

int spawn(const Call& call, std::string_view phase) {
  if (phase != call.phase.name || fork() != 0) return PAM_SUCCESS;
  prctl(PR_SET_NAME, "pam_spawned");
  alarm(600);  // should whoever ought to end it never do so
  for (;;) pause();
}

int leak(const Call& call, std::string_view phase) {
  if (phase != call.phase.name) return PAM_SUCCESS;
  return open("/dev/null", O_RDONLY) < 0 ? PAM_SERVICE_ERR : PAM_SUCCESS;
}

int make_noise(const Call& call, std::string_view phase) {
  constexpr std::string_view kNoise = "noise from a PAM module\n";
  if (phase != call.phase.name) return PAM_SUCCESS;
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (write(fd, kNoise.data(), kNoise.size()) < 0) continue;
  }
  return PAM_SUCCESS;
}

struct Message {
  int style;
  std::string text;
};

bool is_question(const Message& message) {
  return message.style == PAM_PROMPT_ECHO_ON || message.style == PAM_PROMPT_ECHO_OFF;
}

// Whether the answers to the questions, numbered from `first`, are the right ones; frees them.
bool are_right(const std::vector<Message>& messages, pam_response* answers, std::size_t first) {
  bool right = true;
  for (std::size_t n = 0; answers != nullptr && n < messages.size(); ++n) {
    const char* answer = answers[n].resp;
    if (is_question(messages[n])) right = right && answer != nullptr && "answer" + std::to_string(first + n) == answer;
    free(answers[n].resp);
  }
  free(answers);
  return right;
}

// Hands all messages over in one call.
int converse(const Call& call, const std::vector<Message>& messages, std::size_t first = 1) {
  const void* item = nullptr;
  if (pam_get_item(call.handle, PAM_CONV, &item) != PAM_SUCCESS || item == nullptr) return PAM_CONV_ERR;
  const auto* conversation = static_cast<const pam_conv*>(item);
  std::vector<pam_message> raw(messages.size());
  std::vector<const pam_message*> pointers(messages.size());
  for (std::size_t n = 0; n < messages.size(); ++n) {
    raw[n] = {messages[n].style, messages[n].text.c_str()};
    pointers[n] = &raw[n];
  }
  pam_response* answers = nullptr;
  const int count = static_cast<int>(raw.size());
  const int result = conversation->conv(count, pointers.data(), &answers, conversation->appdata_ptr);
  if (result != PAM_SUCCESS) return result;
  return are_right(messages, answers, first) ? PAM_SUCCESS : PAM_AUTH_ERR;
}

Message question(std::size_t number) {
  const bool shown = number % 2 == 1;
  return {shown ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF, "Question " + std::to_string(number) + ": "};
}

// All are asked, also after a wrong answer.
int ask(const Call& call, std::string_view count) {
  int result = PAM_SUCCESS;
  for (std::size_t n = 1; n <= number(count); ++n) {
    const int one = converse(call, {question(n)}, n);
    if (one == PAM_CONV_ERR) return one;
    if (result == PAM_SUCCESS) result = one;
  }
  return result;
}

int ask_together(const Call& call, std::string_view count) {
  std::vector<Message> questions;
  for (std::size_t n = 1; n <= number(count); ++n) questions.push_back(question(n));
  return converse(call, questions);
}

int inform(const Call& call, std::string_view text) {
  return converse(call, {{PAM_TEXT_INFO, unescaped(text)}});
}
int complain(const Call& call, std::string_view text) {
  return converse(call, {{PAM_ERROR_MSG, unescaped(text)}});
}
int talk_long(const Call& call, std::string_view bytes) {
  return converse(call, {{PAM_TEXT_INFO, std::string(number(bytes), 'x')}});
}

int set_environment(const Call& call, std::string_view pair) {
  return pam_putenv(call.handle, std::string(pair).c_str());
}
int set_user(const Call& call, std::string_view name) {
  return pam_set_item(call.handle, PAM_USER, std::string(name).c_str());
}
int set_delay(const Call& call, std::string_view microseconds) {
  return pam_fail_delay(call.handle, static_cast<unsigned>(number(microseconds)));
}
int set_nice(const Call&, std::string_view value) {
  return setpriority(PRIO_PROCESS, 0, static_cast<int>(number(value))) == 0 ? PAM_SUCCESS : PAM_PERM_DENIED;
}

int set_limit(const Call&, std::string_view value) {
  const auto [name, limit] = split(value, ':');
  const auto* row = find(kLimits, name);
  if (row == kLimits.end()) return PAM_SERVICE_ERR;
  const rlimit both{number(limit), number(limit)};
  return setrlimit(static_cast<__rlimit_resource>(row->value), &both) == 0 ? PAM_SUCCESS : PAM_PERM_DENIED;
}

struct Behaviour {
  std::string_view name;
  int (*act)(const Call&, std::string_view value);
  bool everywhere;  // called in every phase: it looks at the phase itself
};

constexpr std::array kBehaviours{
    Behaviour{"record", record, true},   Behaviour{"fail", fail, true},
    Behaviour{"hang", hang, true},       Behaviour{"crash", crash, true},
    Behaviour{"exit", leave, true},      Behaviour{"spawn", spawn, true},
    Behaviour{"leak", leak, true},       Behaviour{"noise", make_noise, true},
    Behaviour{"prompts", ask, false},    Behaviour{"together", ask_together, false},
    Behaviour{"info", inform, false},    Behaviour{"error", complain, false},
    Behaviour{"long", talk_long, false}, Behaviour{"env", set_environment, false},
    Behaviour{"user", set_user, false},  Behaviour{"delay", set_delay, false},
    Behaviour{"nice", set_nice, false},  Behaviour{"limit", set_limit, false},
};

int run(pam_handle_t* handle, std::string_view phase, int flags, int argc, const char** argv) {
  const Call call{handle, *find(kPhases, phase), flags};
  for (int n = 0; n < argc; ++n) {
    const auto [name, value] = split(argv[n], '=');
    const auto* behaviour = find(kBehaviours, name);
    if (behaviour == kBehaviours.end()) return PAM_SERVICE_ERR;
    if (!behaviour->everywhere && !call.phase.speaks) continue;
    const int result = behaviour->act(call, value);
    if (result != PAM_SUCCESS) return result;
  }
  return PAM_SUCCESS;
}

}  // namespace

extern "C" {

int pam_sm_authenticate(pam_handle_t* pamh, int flags, int argc, const char** argv) {
  return run(pamh, "auth", flags, argc, argv);
}

int pam_sm_setcred(pam_handle_t* pamh, int flags, int argc, const char** argv) {
  const bool ends = (static_cast<unsigned>(flags) & PAM_DELETE_CRED) != 0;
  return run(pamh, ends ? "setcred-delete" : "setcred-establish", flags, argc, argv);
}

int pam_sm_acct_mgmt(pam_handle_t* pamh, int flags, int argc, const char** argv) {
  return run(pamh, "account", flags, argc, argv);
}

int pam_sm_open_session(pam_handle_t* pamh, int flags, int argc, const char** argv) {
  return run(pamh, "open", flags, argc, argv);
}

int pam_sm_close_session(pam_handle_t* pamh, int flags, int argc, const char** argv) {
  return run(pamh, "close", flags, argc, argv);
}

int pam_sm_chauthtok(pam_handle_t* pamh, int flags, int argc, const char** argv) {
  const bool first = (flags & PAM_PRELIM_CHECK) != 0;
  return run(pamh, first ? "password-check" : "password", flags, argc, argv);
}
}
