#include "base/configuration_rules.h"

#include <algorithm>
#include <array>

#include "base/listen_address.h"
#include "base/network.h"
#include "base/text.h"

namespace usher::rules {
namespace {

constexpr std::size_t kMaxName = 32;
constexpr std::size_t kMaxAccount = 255;
constexpr std::size_t kMaxPath = 4095;
constexpr std::size_t kMaxRuntimeDirectory = 80;  // leaves room for the names of the sockets in it: unix(7), 107 bytes
constexpr std::size_t kMaxPamService = 64;
constexpr std::size_t kMaxLine = 200;
constexpr std::size_t kMaxArgument = 4096;

constexpr std::array<std::string_view, 3> kRestartWords{"all", "listener", "pool"};
// The launch sets these for every program. USHER_* besides.
constexpr std::array<std::string_view, 12> kOwnVariables{"USER",       "LOGNAME",      "HOME",        "SHELL",
                                                         "PATH",       "PROTO",        "TCPREMOTEIP", "TCPREMOTEPORT",
                                                         "TCPLOCALIP", "TCPLOCALPORT", "REMOTE_ADDR", "REMOTE_PORT"};

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_letter(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_character(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-';
}
bool has_controls(std::string_view text) {
  return printable(text) != text;
}

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

std::string_view object_to_path(std::string_view text) {
  if (text.size() > kMaxPath) return "is longer than 4095 bytes";
  if (has_controls(text)) return "has a control character";
  return {};
}

}  // namespace

std::string_view object_to_name(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > kMaxName) return "is longer than 32 characters";
  if (!is_letter(text.front()) && !is_digit(text.front())) return "does not begin with a letter or a digit";
  if (!std::all_of(text.begin(), text.end(), is_name_character)) return "has another character than a-z A-Z 0-9 _ . -";
  return {};
}

std::string_view object_to_service(std::string_view text) {
  if (is_one_of(text, kRestartWords)) return "is a word of `usher restart`";
  return object_to_name(text);
}

std::string_view object_to_account(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text == "*") return "stands for everybody in users only";
  if (text.size() > kMaxAccount) return "is longer than 255 bytes";
  if (has_controls(text)) return "has a control character";
  if (text.find(':') != text.npos) return "has a colon";
  return {};
}

std::string_view object_to_optional_account(std::string_view text) {
  return text.empty() ? std::string_view{} : object_to_account(text);
}

std::string_view object_to_account_or_all(std::string_view text) {
  return text == "*" ? std::string_view{} : object_to_account(text);
}

std::string_view object_to_address(std::string_view text) {
  std::string_view objection;
  parse_listen_address(text, &objection);
  return objection.empty() && has_controls(text) ? "has a control character" : objection;
}

std::string_view object_to_network(std::string_view text) {
  return Network::parse(text) ? std::string_view{} : "is no network";
}

std::string_view object_to_directory(std::string_view text) {
  if (!text.starts_with('/')) return "is not an absolute path";
  return object_to_path(text);
}

std::string_view object_to_runtime_directory(std::string_view text) {
  if (text.size() > kMaxRuntimeDirectory) return "is longer than 80 bytes";
  return object_to_directory(text);
}

std::string_view object_to_optional_directory(std::string_view text) {
  return text.empty() ? std::string_view{} : object_to_directory(text);
}

std::string_view object_to_optional_name(std::string_view text) {
  return text.empty() ? std::string_view{} : object_to_name(text);
}

std::string_view object_to_home_or_directory(std::string_view text) {
  if (text == "~" || text.starts_with("~/")) return object_to_path(text);
  if (!text.starts_with('/')) return "is neither absolute nor in the user's home";
  return object_to_path(text);
}

std::string_view object_to_pam_service(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > kMaxPamService) return "is longer than 64 characters";
  if (!is_letter(text.front()) && !is_digit(text.front())) return "does not begin with a letter or a digit";
  if (!std::all_of(text.begin(), text.end(), is_name_character)) return "has another character than a-z 0-9 _ . -";
  // pam_start(3) makes the name lower case before it looks for the file.
  const bool lower = std::none_of(text.begin(), text.end(), [](char c) { return is_letter(c) && !is_lower(c); });
  return lower ? std::string_view{} : "has capital letters, which libpam does not look for";
}

std::string_view object_to_line(std::string_view text) {
  if (text.size() > kMaxLine) return "is longer than 200 bytes";
  return has_controls(text) ? "has a control character" : std::string_view{};
}

std::string_view object_to_argument(std::string_view text) {
  if (text.size() > kMaxArgument) return "is longer than 4096 bytes";
  return text.find('\0') != text.npos ? "has a NUL byte" : std::string_view{};
}

std::string_view object_to_variable(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > kMaxAccount) return "is longer than 255 bytes";
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  if (is_digit(name.front()) || !std::all_of(name.begin(), name.end(), fits)) return "is no name of a variable";
  if (name.starts_with("USHER_") || is_one_of(name, kOwnVariables)) return "Usher sets itself";
  return {};
}

}  // namespace usher::rules
