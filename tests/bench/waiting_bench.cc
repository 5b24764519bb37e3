// What accepting and dispatching a further client costs the listener, with few and with many waiting before it.
#include <sys/resource.h>

#include <deque>
#include <fstream>
#include <iostream>

#include "base/system.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/front_door.h"
#include "tests/bench/table.h"
#include "tests/support/client.h"
#include "tests/support/process.h"
#include "tests/support/process_table.h"

namespace usher::bench {
namespace {

constexpr std::size_t kFew = 10;
constexpr std::size_t kMany = 1000;
constexpr std::size_t kServed = 4;
constexpr int kFurtherClients = 300;  // in a measurement

constexpr double kLimit = 1.2;  // of the cost with few

// With few workers, so that clients wait, and for as long as they like.
class WaitingRoom {
 public:
  WaitingRoom(const BenchGround& ground, const std::string& road)
      : process_({USHER_BENCH_COMMAND, "start", "--foreground", "--config",
                  ground.write("waiting.toml", configuration(ground, road))}) {
    if (!process_.wait_for_error_text(": ready ")) throw std::runtime_error("Usher: " + process_.error_output());
    const std::string log = process_.error_output();
    constexpr std::string_view kBefore = "address=";
    const std::size_t at = log.find(kBefore) + kBefore.size();
    address_ = log.substr(at, log.find('\n', at) - at);
    for (const auto& child : testing::children_of(process_.pid())) {
      if (child.name == "usher-listener") listener_ = child.pid;
    }
    for (std::size_t i = 0; i < kServed; ++i) come();
    for (testing::Client& client : clients_) client.expect_line(100);
  }

  void fill(std::size_t waiting) {
    while (clients_.size() < kServed + waiting) come();
    leave();
    come();
  }

  // One comes, one leaves, and the one who has waited longest is served.
  void change_over() {
    come();
    leave();
  }

  // Units: nanoseconds on a processor. Source: proc(5), schedstat.
  double listener_ns() const {
    std::ifstream file("/proc/" + std::to_string(listener_) + "/schedstat");
    double ns = 0;
    file >> ns;
    return ns;
  }

 private:
  static std::string configuration(const BenchGround& ground, const std::string& road) {
    return "[server]\nruntime_directory = \"/run/usher\"\nstate_directory = \"" + ground.path("waiting-state") +
           "\"\n\n[[listener]]\nname = \"bench\"\naddress = \"127.0.0.1:0\"\npool = \"bench\"\nmax_logins = 5000\n"
           "login_timeout = \"1h\"\npending_timeout = \"1h\"\ndispatch = \"" +
           road + "\"\n\n[pool.bench]\npam_service = \"" + kPamService +
           "\"\ninitial = 1\nthreshold = 1\nadditional = 1\nmaximum = " + std::to_string(kServed) +
           "\n\n[program.echo]\ncommand = [\"/bin/cat\"]\nusers = [\"*\"]\n";
  }

  void come() { clients_.emplace_back(address_); }
  void leave() {
    clients_.pop_front();
    clients_.at(kServed - 1).expect_line(100);
  }

  testing::Process process_;
  std::string address_;
  pid_t listener_ = 0;
  std::deque<testing::Client> clients_;  // in order of arrival: the first kServed have a worker
};

// Units: microseconds of the listener for a further client.
double cost_with(WaitingRoom& room, std::size_t waiting) {
  room.fill(waiting);
  const double before = room.listener_ns();
  for (int i = 0; i < kFurtherClients; ++i) room.change_over();
  return (room.listener_ns() - before) / 1000 / kFurtherClients;
}

void allow_many_descriptors() {
  rlimit limit{};
  check(::getrlimit(RLIMIT_NOFILE, &limit), "ask for the limit of descriptors");
  limit.rlim_cur = limit.rlim_max;
  check(::setrlimit(RLIMIT_NOFILE, &limit), "raise the limit of descriptors");
}

void run(const BenchOptions& options) {
  allow_many_descriptors();
  const BenchGround ground;
  std::cout << "# Waiting clients\n\n";
  print_machine();
  std::cout << "Processor time of the listener to accept a client and give it to a worker, in microseconds, the least of "
            << options.rounds << " rounds.\n\n";
  Table table({"dispatch", "with 10 waiting", "with 1,000 waiting"});
  std::vector<Target> targets;
  for (const std::string road : {"queue", "shared", "spawn"}) {
    WaitingRoom room(ground, road);
    double few = cost_with(room, kFew);
    for (unsigned round = 1; round < options.rounds; ++round) few = std::min(few, cost_with(room, kFew));
    double many = cost_with(room, kMany);
    for (unsigned round = 1; round < options.rounds; ++round) many = std::min(many, cost_with(room, kMany));
    table.add({road, number(few), number(many)});
    targets.push_back({"1,000 waiting beside 10, " + road, many, few, Target::Bound::at_most, kLimit});
  }
  table.print();
  print_targets(targets);
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  return usher::bench::bench_main(count, arguments, usher::bench::run);
}
