#include "base/log.h"

#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/clock.h"
#include "base/text.h"
#include "usher/error.h"

namespace usher::log {
namespace {

constexpr std::size_t kMaxValue = 512;
constexpr std::size_t kMaxLine = 2048;

struct LevelName {
  const char* name;
  int priority;  // syslog(3)
};

constexpr std::array<LevelName, 5> kLevels{{
    {"debug", LOG_DEBUG},
    {"info", LOG_INFO},
    {"notice", LOG_NOTICE},
    {"warning", LOG_WARNING},
    {"error", LOG_ERR},
}};

constexpr std::array<const char*, 3> kTargets{"stderr", "journal", "syslog"};

struct State {
  const char* program = "usher";
  Target target = Target::standard_error;
};
State state;

bool stands_bare(std::string_view value) {
  constexpr std::string_view kBare = "@%+,./:_-[]";
  if (value.empty()) return false;
  for (const char c : value) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alphanumeric && kBare.find(c) == std::string_view::npos) return false;
  }
  return true;
}

std::string escaped(std::string_view value) {
  std::string out;
  while (!value.empty()) {
    const std::size_t length = utf8_sequence_length(value);
    const std::string_view sequence = value.substr(0, length == 0 ? 1 : length);
    if (sequence == "\"" || sequence == "\\") {
      out += '\\';
      out += sequence;
    } else if (length == 0 || printable(sequence) != sequence) {
      for (const char c : sequence) {
        std::array<char, 8> hex{};
        std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        out += hex.data();
      }
    } else {
      out += sequence;
    }
    value.remove_prefix(sequence.size());
  }
  return out;
}

std::string shown(std::string_view value) {
  const std::string_view cut = cut_utf8(value, kMaxValue);
  const std::string dots = cut.size() < value.size() ? "..." : "";
  if (stands_bare(cut) && dots.empty()) return std::string(cut);
  return '"' + escaped(cut) + dots + '"';
}

const LevelName& level_name(Level level) { return kLevels.at(static_cast<std::size_t>(level)); }

// One write, so that lines of several processes do not mix. Nobody can be told when it fails.
void write_line(std::string line) {
  if (line.size() > kMaxLine - 1) line = std::string(cut_utf8(line, kMaxLine - 4)) + "...";
  line += '\n';
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace

Field::Field(std::string_view key, std::string_view value) : key_(key), value_(shown(value)) {}

void open(const char* program, Target target) {
  state = {program, target};
  if (target == Target::syslog) openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

Target foreground_target() {
  const char* stream = std::getenv("JOURNAL_STREAM");  // "device:inode" of the socket systemd gave us
  struct stat status {};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return Target::standard_error;
  const std::string ours = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  return ours == stream ? Target::journal : Target::standard_error;
}

Target target_named(std::string_view name) {
  for (std::size_t i = 0; i < kTargets.size(); ++i) {
    if (name == kTargets[i]) return static_cast<Target>(i);
  }
  throw Error(ErrorCode::invalid_argument, "no log target is named \"" + std::string(name) + "\"");
}

const char* name_of(Target target) { return kTargets.at(static_cast<std::size_t>(target)); }

Target current_target() { return state.target; }

std::string line(Level level, std::string_view name, Fields fields) {
  std::string text = level_name(level).name;
  text += ": ";
  text += name;
  for (const Field& field : fields) {
    text += ' ';
    text += field.key();
    text += '=';
    text += field.value();
  }
  return text;
}

void event(Level level, std::string_view name, Fields fields) {
  const int saved_errno = errno;
  const std::string text = line(level, name, fields);
  switch (state.target) {
    case Target::syslog: syslog(level_name(level).priority, "%s", text.c_str()); break;
    case Target::journal:
      write_line("<" + std::to_string(level_name(level).priority) + ">" + state.program + "[" +
                 std::to_string(getpid()) + "]: " + text);
      break;
    case Target::standard_error:
      write_line(rfc3339(wall_clock_ms()) + " " + state.program + "[" + std::to_string(getpid()) + "]: " + text);
      break;
  }
  errno = saved_errno;
}

}  // namespace usher::log
