// files: lists directories and sends files, under the user's own rights.
//
//   files                  a dialog: one command a line until QUIT or end of input
//   files LIST [DIRECTORY] the entries alone, then the end
//   files SEND FILE        the file's bytes alone, then the end
//
// Dialog: each reply begins with a line "OK ..." or "ERR ...". Behind "OK N entries" stand N lines, behind "OK N bytes"
// stand
//         exactly N bytes, so that any file arrives as it is. Commands are not case-sensitive; what follows the first
//         blank is one path, blanks and all.
// Rights: the kernel's, nothing more and nothing less. A path may be absolute and may lead out of the home directory,
// just as
//         in the user's shell: what the user may not read, this process cannot open. Only regular files are sent.
// Status: 0; 1 when a command given as arguments failed or the client went away.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <vector>

#include "base/text.h"
#include "base/unique_fd.h"
#include "programs/connection.h"

using namespace usher;
using namespace usher::programs;

namespace {

constexpr std::size_t kMaxLine = 4200;  // a command and the longest path

// What the user is told: "WHAT: No such file or directory".
class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  static Refusal by_system(const std::string& what) { return Refusal(printable(what) + ": " + std::strerror(errno)); }
};

class ClientGone {};

UniqueFd open_path(const std::string& path, int flags) {
  if (path.find('\0') != std::string::npos) throw Refusal("a path has no NUL byte");
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags));
  if (!fd) throw Refusal::by_system(path);
  return fd;
}

std::vector<std::string> names_in(const UniqueFd& directory, const std::string& path) {
  DIR* stream = ::fdopendir(::dup(directory.get()));
  if (stream == nullptr) throw Refusal::by_system(path);
  const std::unique_ptr<DIR, int (*)(DIR*)> closer(stream, ::closedir);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

char letter_of(mode_t mode) {
  if (S_ISREG(mode)) return '-';
  if (S_ISDIR(mode)) return 'd';
  return S_ISLNK(mode) ? 'l' : '?';
}

// "-         23 2026-11-20 11:43 notes.txt"; a link shows what it leads to, or itself when that is not there.
std::string entry_line(const UniqueFd& directory, const std::string& name) {
  struct stat status {};
  if (::fstatat(directory.get(), name.c_str(), &status, 0) != 0) {
    ::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  }
  tm changed{};
  localtime_r(&status.st_mtime, &changed);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M", &changed);
  std::array<char, 80> start{};
  std::snprintf(start.data(), start.size(), "%c %10lld %s ", letter_of(status.st_mode),
                static_cast<long long>(status.st_size), date.data());
  return start.data() + printable(name);
}

void list(const std::string& path, bool announced) {
  const std::string shown = path.empty() ? "." : path;
  const UniqueFd directory = open_path(shown, O_DIRECTORY);
  const std::vector<std::string> names = names_in(directory, shown);
  if (announced) say("OK " + std::to_string(names.size()) + " entries");
  for (const std::string& name : names) say(entry_line(directory, name));
}

// The size was announced: a file that shrinks meanwhile leaves no way to go on but to end the connection.
void send_bytes(const UniqueFd& file, off_t size) {
  std::array<char, 65536> buffer;
  for (off_t left = size; left > 0;) {
    const auto wanted = std::min<off_t>(left, buffer.size());
    const ssize_t count = ::read(file.get(), buffer.data(), static_cast<std::size_t>(wanted));
    if (count <= 0) throw ClientGone();
    if (std::fwrite(buffer.data(), 1, static_cast<std::size_t>(count), stdout) == 0) throw ClientGone();
    left -= count;
  }
}

void send(const std::string& path, bool announced) {
  if (path.empty()) throw Refusal("SEND needs the name of a file");
  const UniqueFd file = open_path(path, O_NOCTTY);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw Refusal::by_system(path);
  if (!S_ISREG(status.st_mode)) throw Refusal(printable(path) + ": not a regular file");
  if (announced) say("OK " + std::to_string(status.st_size) + " bytes");
  send_bytes(file, status.st_size);
}

void help(const std::string&, bool announced) {
  constexpr std::array kLines{"LIST [DIRECTORY]  what is in it; without a name, in this one",
                              "SEND FILE         its bytes", "HELP              this", "QUIT              the end"};
  if (announced) say("OK " + std::to_string(kLines.size()) + " entries");
  for (const char* line : kLines) say(line);
}

struct Command {
  std::string_view name;
  void (*act)(const std::string& path, bool announced);
};

constexpr std::array kCommands{Command{"LIST", list}, Command{"SEND", send}, Command{"HELP", help}};

struct Request {
  std::string command;  // in upper case
  std::string path;
};

Request parse(const std::string& line) {
  const std::size_t blank = std::min(line.find(' '), line.size());
  Request request{line.substr(0, blank), line.substr(std::min(blank + 1, line.size()))};
  for (char& c : request.command) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return request;
}

void perform(const Request& request, bool announced) {
  for (const Command& command : kCommands) {
    if (command.name == request.command) return command.act(request.path, announced);
  }
  throw Refusal("no such command; HELP lists them");
}

// True when it was done; else the client was told why not.
bool answer(const Request& request, bool announced) {
  try {
    perform(request, announced);
    return true;
  } catch (const Refusal& refusal) {
    say("ERR " + std::string(refusal.what()));
    return false;
  }
}

void hold_dialog() {
  say("OK files of " + variable("USER") + "; HELP lists the commands");
  while (flush()) {
    const auto line = read_line(kMaxLine);
    if (!line) return;
    const Request request = parse(*line);
    if (request.command == "QUIT") return say("OK goodbye");
    if (line->size() > kMaxLine)
      say("ERR the line is too long");
    else
      answer(request, true);
  }
  throw ClientGone();
}

// Usher splits what the client typed at blanks: together again, they are the line.
std::string joined(int argc, char** argv) {
  std::string line = argv[1];
  for (int n = 2; n < argc; ++n) line += std::string(" ") + argv[n];
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  client_may_vanish();
  try {
    const bool done = argc == 1 || answer(parse(joined(argc, argv)), false);
    if (argc == 1) hold_dialog();
    return flush() && done ? 0 : 1;
  } catch (const ClientGone&) {
    return 1;
  }
}
