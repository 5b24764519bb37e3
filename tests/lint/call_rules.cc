// Where dangerous calls may stand: to audit them is to read these files.
#include <algorithm>
#include <array>

#include "tests/lint/rules.h"

namespace usher::lint {
namespace {

struct Pin {
  std::string_view what;
  std::string_view names;  // whole identifiers; one that ends in '_' stands for all that begin so
  std::string_view files;  // the only ones that may use them; none: nobody
};

constexpr std::array kPins{
    Pin{"changes the user or its groups",
        "setuid seteuid setreuid setresuid setgid setegid setregid setresgid setfsuid setfsgid setgroups initgroups "
        "SYS_setuid SYS_setreuid SYS_setresuid SYS_setgid SYS_setregid SYS_setresgid SYS_setgroups",
        "auth/become_user.cc"},
    Pin{"calls PAM",
        "pam_start pam_start_confdir pam_end pam_authenticate pam_acct_mgmt pam_chauthtok pam_setcred pam_open_session "
        "pam_close_session pam_set_item pam_get_item pam_putenv pam_getenv pam_getenvlist pam_strerror pam_fail_delay",
        "auth/pam_transaction.cc"},
    Pin{"executes a program",
        "execv execve execvp execvpe execl execle execlp execveat fexecve posix_spawn posix_spawnp SYS_execve "
        "SYS_execveat",
        "worker/launch_plan.cc worker/login_start.cc worker/spawn.cc cli/start_command.cc"},
    Pin{"passes descriptors", "SCM_RIGHTS", "base/channel.cc"},
    Pin{"calls SQLite", "sqlite3_", "dataqueue/sqlite.h dataqueue/sqlite.cc"},
    Pin{"uses a private key", "PEM_read_bio_PrivateKey_ex d2i_AutoPrivateKey_ex i2d_PrivateKey EVP_DigestSign",
        "tls/key_vault.cc tls/signing.cc"},
    Pin{"confines a process for good",
        "seccomp_ SYS_seccomp SYS_landlock_restrict_self PR_SET_NO_NEW_PRIVS PR_SET_SECCOMP PR_CAPBSET_DROP SYS_capset",
        "auth/system_call_filter.cc auth/sandbox.cc auth/landlock.cc auth/capabilities.cc"},
    Pin{"gives a line to a shell", "system popen wordexp", ""},
};

bool is_part_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_one_of(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string_view one = words.substr(0, end);
    if (one == word || (one.ends_with('_') && word.starts_with(one))) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

// A shell's names are everyday words: for those only a call counts.
bool is_meant(const Pin& pin, std::string_view name, std::string_view behind) {
  return is_one_of(pin.names, name) && (!pin.files.empty() || behind.starts_with('('));
}

void check_name(const SourceFile& file, std::size_t line, std::string_view name, std::string_view behind,
                Faults& faults) {
  for (const Pin& pin : kPins) {
    if (!is_meant(pin, name, behind) || is_one_of(pin.files, file.path)) continue;
    faults.push_back(at_line(file, line, std::string(name) + " " + std::string(pin.what) + ": not in this file"));
  }
}

void check_line(const SourceFile& file, std::size_t number, std::string_view line, Faults& faults) {
  if (line.starts_with('#')) return;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (!is_part_of_name(line[at])) continue;
    std::size_t end = at;
    while (end < line.size() && is_part_of_name(line[end])) ++end;
    check_name(file, number, line.substr(at, end - at), line.substr(end), faults);
    at = end;
  }
}

}  // namespace

Faults check_calls(const SourceTree& tree) {
  Faults faults;
  for (const SourceFile& file : tree) {
    if (!is_code(file.path) || !is_shipped(file.path)) continue;
    const std::string code = code_of(file.text);
    std::size_t number = 0;
    for (const std::string_view line : lines_of(code)) check_line(file, ++number, line, faults);
  }
  return faults;
}

}  // namespace usher::lint
