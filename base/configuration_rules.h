// What texts of a configuration must look like: one rule a kind of text, used by the table of keys.
//
// Shape:  a rule's objection is empty for a text that fits; else it is a clause that follows "which", as in
//         `address is "localhost:4000", which is not numeric`.
//         No text may hold a NUL byte; only arguments, variables and the like may hold other control characters.
#pragma once

#include <string_view>

namespace usher {

struct TextRule {
  std::string_view shape;  // what to write, as a noun: "an absolute path"
  std::string_view (*objection)(std::string_view text);
};

namespace rules {

std::string_view object_to_name(std::string_view text);     // of a listener, pool or program
std::string_view object_to_service(std::string_view text);  // what `usher restart` names: not one of its own words
std::string_view object_to_optional_account(std::string_view text);
std::string_view object_to_account(std::string_view text);
std::string_view object_to_account_or_all(std::string_view text);
std::string_view object_to_address(std::string_view text);
std::string_view object_to_network(std::string_view text);
std::string_view object_to_directory(std::string_view text);
std::string_view object_to_runtime_directory(std::string_view text);
std::string_view object_to_optional_directory(std::string_view text);
std::string_view object_to_optional_name(std::string_view text);
std::string_view object_to_home_or_directory(std::string_view text);
std::string_view object_to_pam_service(std::string_view text);
std::string_view object_to_line(std::string_view text);
std::string_view object_to_argument(std::string_view text);
std::string_view object_to_variable(std::string_view name);  // of the environment

}  // namespace rules

inline constexpr TextRule kName{"1 to 32 characters of a-z A-Z 0-9 _ . -, the first a letter or a digit",
                                rules::object_to_name};
inline constexpr TextRule kServiceName{
    "1 to 32 characters of a-z A-Z 0-9 _ . -, the first a letter or a digit; not all, "
    "listener or pool",
    rules::object_to_service};
inline constexpr TextRule kOptionalName{"the name of a program, or nothing between the quotes",
                                        rules::object_to_optional_name};
inline constexpr TextRule kOptionalAccount{"the name of an account, or nothing between the quotes",
                                           rules::object_to_optional_account};
inline constexpr TextRule kAccount{"the name of an account of this machine", rules::object_to_account};
inline constexpr TextRule kGroup{"the name of a group of this machine", rules::object_to_account};
inline constexpr TextRule kAccountOrAll{"the name of an account, or * for everybody", rules::object_to_account_or_all};
inline constexpr TextRule kAddress{
    "a numeric address with a port, like \"127.0.0.1:4000\" or \"[::1]:4000\", or "
    "\"unix:\" and an absolute path",
    rules::object_to_address};
inline constexpr TextRule kNetwork{"a network like \"192.0.2.0/24\" or \"2001:db8::/32\", one address, or \"unix\"",
                                   rules::object_to_network};
inline constexpr TextRule kDirectory{"the absolute path of a directory", rules::object_to_directory};
inline constexpr TextRule kFile{"the absolute path of a file", rules::object_to_directory};
inline constexpr TextRule kOptionalFile{"the absolute path of a file, or nothing between the quotes",
                                        rules::object_to_optional_directory};
inline constexpr TextRule kProgramPath{"the absolute path of a program", rules::object_to_directory};
inline constexpr TextRule kRuntimeDirectory{"the absolute path of a directory, at most 80 bytes long",
                                            rules::object_to_runtime_directory};
inline constexpr TextRule kOptionalDirectory{"the absolute path of a directory, or nothing between the quotes",
                                             rules::object_to_optional_directory};
inline constexpr TextRule kHomeOrDirectory{"\"~\", \"~/...\" or an absolute path", rules::object_to_home_or_directory};
inline constexpr TextRule kPamService{
    "the name of a PAM service: 1 to 64 characters of a-z 0-9 _ . -, the first a letter "
    "or a digit",
    rules::object_to_pam_service};
inline constexpr TextRule kLine{"one line of at most 200 bytes without control characters", rules::object_to_line};
inline constexpr TextRule kArgument{"a text of at most 4096 bytes without NUL bytes", rules::object_to_argument};

}  // namespace usher
