// Layout: the line "usher-starter 1", then lines of a name and numbers; a worker's line ends in the name of its pool.
#include "worker/starter_state.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iomanip>
#include <sstream>

#include "base/system.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr const char* kFirstLine = "usher-starter 1";

[[noreturn]] void not_ours(const std::string& line) {
  throw Error(ErrorCode::protocol, "the state of the starter before this one cannot be read: " + line);
}

std::string text_of(const StarterState& state) {
  std::ostringstream text;
  text << kFirstLine << "\ngeneration " << state.generation << "\ndetached " << state.detached << "\nrestarts "
       << state.listener_restarts << ' ' << state.pool_restarts << "\nsealed " << state.sealed << "\nlock " << state.lock
       << "\npool_socket " << state.pool_socket << "\njobs_socket " << state.jobs_socket << "\ncontrol " << state.control << "\ncall " << state.call << '\n';
  for (const int fd : state.listening) text << "listening " << fd << '\n';
  for (const WorkerTable::Row& row : state.workers) {
    text << "worker " << row.number << ' ' << row.pid << ' ' << static_cast<int>(row.stage) << ' ' << row.channel << ' '
         << row.pool << '\n';
  }
  for (const PublicServices::Row& row : state.publics) {
    text << "public " << row.pid << ' ' << row.channel << ' ' << row.listener << ' ' << row.program << ' ' << std::quoted(row.user)
         << '\n';
  }
  for (const WorkerEnded& ended : state.ended) {
    text << "ended " << ended.number << ' ' << ended.wait_status << ' ' << ended.cpu_us << ' ' << ended.max_rss_kb << '\n';
  }
  return text.str();
}

void read_worker(std::istream& line, StarterState& state) {
  WorkerTable::Row row{};
  int stage = 0;
  line >> row.number >> row.pid >> stage >> row.channel >> row.pool;
  row.stage = static_cast<WorkerStage>(stage);
  state.workers.push_back(std::move(row));
}

void read_public(std::istream& line, StarterState& state) {
  PublicServices::Row row;
  line >> row.pid >> row.channel >> row.listener >> row.program >> std::quoted(row.user);
  state.publics.push_back(std::move(row));
}

void read_ended(std::istream& line, StarterState& state) {
  WorkerEnded ended;
  line >> ended.number >> ended.wait_status >> ended.cpu_us >> ended.max_rss_kb;
  state.ended.push_back(ended);
}

void read_line(const std::string& text, StarterState& state) {
  std::istringstream line(text);
  std::string name;
  line >> name;
  if (name == "generation") {
    line >> state.generation;
  } else if (name == "detached") {
    line >> state.detached;
  } else if (name == "restarts") {
    line >> state.listener_restarts >> state.pool_restarts;
  } else if (name == "sealed") {
    line >> state.sealed;
  } else if (name == "lock") {
    line >> state.lock;
  } else if (name == "pool_socket") {
    line >> state.pool_socket;
  } else if (name == "jobs_socket") {
    line >> state.jobs_socket;
  } else if (name == "control") {
    line >> state.control;
  } else if (name == "call") {
    line >> state.call;
  } else if (name == "listening") {
    line >> state.listening.emplace_back();
  } else if (name == "worker") {
    read_worker(line, state);
  } else if (name == "public") {
    read_public(line, state);
  } else if (name == "ended") {
    read_ended(line, state);
  } else {
    not_ours(text);
  }
  if (!line) not_ours(text);
}

}  // namespace

UniqueFd save_state(const StarterState& state) {
  UniqueFd fd(check(::memfd_create("usher-starter", MFD_CLOEXEC), "make room for the starter's state"));
  const std::string text = text_of(state);
  const ssize_t written = check(::write(fd.get(), text.data(), text.size()), "keep the starter's state");
  if (static_cast<std::size_t>(written) != text.size()) throw_errno("keep the starter's state", ENOSPC);
  return fd;
}

StarterState load_state(int fd) {
  struct stat status {};
  check(::fstat(fd, &status), "look at the starter's state");
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  const ssize_t got = check(::pread(fd, text.data(), text.size(), 0), "read the starter's state");
  if (static_cast<std::size_t>(got) != text.size()) not_ours("it ends early");
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != kFirstLine) not_ours(line);
  StarterState state;
  while (std::getline(lines, line)) read_line(line, state);
  return state;
}

std::vector<int> descriptors_of(const StarterState& state) {
  std::vector<int> all = state.listening;
  all.insert(all.end(), {state.sealed, state.lock, state.pool_socket, state.jobs_socket, state.control});
  if (state.call >= 0) all.push_back(state.call);
  for (const WorkerTable::Row& row : state.workers) {
    if (row.channel >= 0) all.push_back(row.channel);
  }
  for (const PublicServices::Row& row : state.publics) all.push_back(row.channel);
  return all;
}

}  // namespace usher
