// What a ready worker and a running session cost in memory: Usher and its peers, one after the other.
#include <iostream>

#include "tests/bench/bench_main.h"
#include "tests/bench/front_door.h"
#include "tests/bench/load.h"
#include "tests/bench/table.h"
#include "tests/support/process_table.h"
#include "tests/support/wait_until.h"

namespace usher::bench {
namespace {

constexpr std::size_t kSessions = 500;
constexpr std::size_t kManySessions = 1000;
constexpr std::size_t kAtOnce = 20;
constexpr unsigned kReadyWorkers = 200;
constexpr const char* kProgram = "cat";
constexpr const char* kAccount = "normal";

constexpr double kReadyWorkerLimit = 200;  // KB
constexpr double kSessionLimit = 400;

struct Memory {
  double kb = 0;  // proportional
  std::size_t processes = 0;
};

// A server's processes, but not the programs that it runs for its users.
Memory memory_of(FrontDoor& door) {
  const pid_t pid = door.process().pid();
  Memory memory{static_cast<double>(testing::proportional_memory_kb(pid)), 1};
  for (const testing::ProcessEntry& entry : testing::descendants_of(pid)) {
    if (entry.name == kProgram) continue;
    memory.kb += static_cast<double>(testing::proportional_memory_kb(entry.pid));
    ++memory.processes;
  }
  return memory;
}

// When workers have stopped coming and going.
Memory settled_memory_of(FrontDoor& door) {
  Memory last = memory_of(door);
  testing::wait_until([&] {
    const Memory before = std::exchange(last, memory_of(door));
    return before.processes == last.processes && before.kb == last.kb;
  });
  return last;
}

double kb_each(const Memory& before, const Memory& after, std::size_t count) {
  return (after.kb - before.kb) / static_cast<double>(count);
}

double processes_each(const Memory& before, const Memory& after, std::size_t count) {
  return static_cast<double>(after.processes - before.processes) / static_cast<double>(count);
}

double ready_worker_kb(const BenchGround& ground) {
  constexpr unsigned kFew = 8;
  const Memory few = settled_memory_of(*start_usher(ground, {kFew, kFew, 1}));
  const unsigned many = kFew + kReadyWorkers;
  const Memory more = settled_memory_of(*start_usher(ground, {many, kFew, 1}));
  return kb_each(few, more, kReadyWorkers);
}

struct SessionCost {
  double kb = 0;
  double processes = 0;
};

SessionCost session_cost(FrontDoor& door, std::size_t sessions) {
  const auto first = hold(door.idle_sessions(kAccount), kAtOnce, kAtOnce);  // what is loaded once is loaded by them
  const Memory before = settled_memory_of(door);
  const auto held = hold(door.idle_sessions(kAccount), sessions, kAtOnce);
  const Memory after = settled_memory_of(door);
  return {kb_each(before, after, sessions), processes_each(before, after, sessions)};
}

// A peer may turn so many away: then that is what there is to say.
void add_row(Table& table, FrontDoor& door, std::size_t sessions, const std::string& what) try {
  const SessionCost cost = session_cost(door, sessions);
  table.add({door.name(), std::to_string(sessions), number(cost.kb), number(cost.processes), what});
} catch (const std::runtime_error& error) {
  table.add({door.name(), std::to_string(sessions), "-", "-", error.what()});
}

void print_peers(const BenchGround& ground, Table& table) {
  const std::string included = "the IMAP server is the program";
  add_row(table, *start_dovecot(ground, DovecotMode::high_performance), kSessions, included);
  add_row(table, *start_dovecot(ground, DovecotMode::high_security), kSessions, included);
  add_row(table, *start_vsftpd(ground), kSessions, "the FTP server is the program");
  add_row(table, *start_sshd(ground), kSessions, "");
}

void run(const BenchOptions& /*options*/) {
  allow_many_descriptors();
  const BenchGround ground;
  std::cout << "# Memory\n\n";
  print_machine();
  std::cout << "Proportional set size (smaps_rollup) of all of a server's processes, without the programs they run; "
               "what one\n"
               "more worker or session adds.\n\n";
  const double ready = ready_worker_kb(ground);
  Table sessions({"server", "sessions", "KB a session", "processes", "note"});
  double with_many = 0;
  {
    const FrontDoorPtr usher = start_usher(ground);
    for (const std::size_t count : {kSessions, kManySessions}) {
      const SessionCost cost = session_cost(*usher, count);
      sessions.add({usher->name(), std::to_string(count), number(cost.kb), number(cost.processes), ""});
      with_many = cost.kb;
    }
  }
  print_peers(ground, sessions);
  sessions.print();
  const auto at_most = Target::Bound::at_most;
  print_targets({{"ready worker, KB", ready, 0, at_most, kReadyWorkerLimit},
                 {"session of " + std::to_string(kManySessions) + ", KB", with_many, 0, at_most, kSessionLimit}});
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  return usher::bench::bench_main(count, arguments, usher::bench::run);
}
