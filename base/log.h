// One line an event: severity, the event's name, then key=value pairs.
//
//   log::event(Severity::info, "login_refused", {{"client", peer.text()}, {"user", name}, {"reason", "password"}});
//   -> 2026-11-20T11:43:02.123Z usher-worker[712]: info: login_refused client=192.0.2.7:40112 user="al ice" reason=password
//
// Shape:  a value stands bare when it is made of letters, digits and @%+,./:_-; else it is quoted, and quotes, backslashes,
//         control bytes and bytes that are not UTF-8 are escaped: a hostile value can forge neither a line nor a pair.
//         Lines are at most 2,048 bytes; longer values are cut and end in "...".
// Secrets have a type that is not accepted here.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace usher::log {

enum class Level { debug, info, notice, warning, error };

// Where the lines go. The starter decides once; what it starts is told with --log=NAME.
enum class Target {
  standard_error,  // with time and program name: a terminal, a file
  journal,         // standard error read by systemd: priority prefix, no time
  syslog,
};

class Field {
 public:
  Field(std::string_view key, std::string_view value);
  Field(std::string_view key, const char* value) : Field(key, std::string_view(value)) {}
  Field(std::string_view key, const std::string& value) : Field(key, std::string_view(value)) {}
  Field(std::string_view key, std::integral auto value) : Field(key, std::string_view(std::to_string(value))) {}

  std::string_view key() const noexcept { return key_; }
  const std::string& value() const noexcept { return value_; }  // quoted and escaped where it must be

 private:
  std::string_view key_;
  std::string value_;
};

using Fields = std::initializer_list<Field>;

void open(const char* program, Target target);
// The target that suits a process in the foreground: journal when standard error is systemd's, else standard_error.
Target foreground_target();
Target target_named(std::string_view name);  // "stderr", "journal", "syslog"; Error(invalid_argument)
const char* name_of(Target target);
Target current_target();

void event(Level level, std::string_view name, Fields fields = {});

inline void debug(std::string_view name, Fields fields = {}) { event(Level::debug, name, fields); }
inline void info(std::string_view name, Fields fields = {}) { event(Level::info, name, fields); }
inline void notice(std::string_view name, Fields fields = {}) { event(Level::notice, name, fields); }
inline void warning(std::string_view name, Fields fields = {}) { event(Level::warning, name, fields); }
inline void error(std::string_view name, Fields fields = {}) { event(Level::error, name, fields); }

// The part of a line after the time and the program, e.g. `info: start generation=1`.
std::string line(Level level, std::string_view name, Fields fields);

}  // namespace usher::log
