// The accounts, groups and services that private_etc.sh makes, by name, and whether this test runs inside it.
//
// Shape:  the password of account NAME is NAME-secret; its home is /etc/homes/NAME. What each account is like stands in
// the
//         table of private_etc.sh.
#pragma once

#include <glob.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace usher::testing {

namespace account {
inline constexpr std::string_view kNormal = "normal";          // groups: normal, clerks
inline constexpr std::string_view kSecond = "second";          // groups: second, clerks, trainees
inline constexpr std::string_view kYescrypt = "yescrypt";      // Debian's default hash
inline constexpr std::string_view kLocked = "locked";          // has a hash behind '!'
inline constexpr std::string_view kNoPassword = "nopassword";  // the field is empty
inline constexpr std::string_view kMustChange = "mustchange";  // pam_acct_mgmt asks for a new password
inline constexpr std::string_view kExpired = "expired";        // pam_acct_mgmt refuses
inline constexpr std::string_view kHugeUid = "hugeuid";        // 3000000001
inline constexpr std::string_view kManyGroups = "manygroups";  // 1,100 besides its own
inline constexpr std::string_view kHomeless = "homeless";      // the home directory is not there
inline constexpr std::string_view kPrivate = "private";        // 0700: notes.txt, letters/one.txt
inline constexpr std::string_view kNoLogin = "nologin";        // shell /usr/sbin/nologin
inline constexpr std::string_view kPrimary = "primary";        // primary group clerks, not listed there
inline constexpr std::string_view kOath = "oath";              // one-time codes for usher-test-oath
inline constexpr std::string_view kOdd = "Odd.na-me_9$";
inline constexpr std::string_view kRoot = "root";  // has a password; as an ordinary user it has none
}  // namespace account

inline constexpr unsigned kHugeUid = 3'000'000'001;
inline constexpr unsigned kManyGroups = 1'100;

inline std::string password_of(std::string_view account) {
  return std::string(account) + "-secret";
}
inline std::string home_of(std::string_view account) {
  return "/etc/homes/" + std::string(account);
}

// The codes of account::kOath; each login uses up one. Source: RFC 4226, appendix D.
inline constexpr std::string_view kOneTimeCodes[] = {"755224", "287082", "359152", "969429", "338314",
                                                     "254676", "287922", "162583", "399871", "520489"};

inline bool in_private_etc() {
  return std::getenv("USHER_TEST_PRIVATE_ETC") != nullptr;
}
// Only the caller's own account can be become.
inline bool single_uid() {
  return std::getenv("USHER_TEST_SINGLE_UID") != nullptr;
}

// An account that can log in and be become: kNormal, or the caller's own.
inline std::string usual_account() {
  const char* name = std::getenv("USHER_TEST_USER");
  return name == nullptr ? std::string(account::kNormal) : name;
}

// The command as that account runs it, with its groups and home directory; unchanged for the account that runs the
// test.
inline std::vector<std::string> command_as(const std::string& account, std::vector<std::string> command) {
  const passwd* entry = getpwnam(account.c_str());
  if (entry == nullptr) throw std::runtime_error("no account " + account);
  if (entry->pw_uid == getuid()) return command;
  std::vector<std::string> result{"setpriv",
                                  "--reuid=" + std::to_string(entry->pw_uid),
                                  "--regid=" + std::to_string(entry->pw_gid),
                                  "--init-groups",
                                  "--reset-env",
                                  "--"};
  result.insert(result.end(), command.begin(), command.end());
  return result;
}

// The path of pam_usher_test.so, as the build gives it to tests.
inline std::string pam_test_module() {
  const char* path = std::getenv("USHER_TEST_PAM_MODULE");
  return path == nullptr ? "" : path;
}

// Whether a module that is a package of its own, such as pam_oath.so, is installed.
inline bool has_pam_module(const std::string& name) {
  glob_t found{};
  const int result = ::glob(("{,/usr}/lib{,64}/{,*/}security/" + name).c_str(), GLOB_BRACE, nullptr, &found);
  ::globfree(&found);
  return result == 0;
}

}  // namespace usher::testing
