// What accepting and dispatching a further client costs the listener, with few and with many waiting before it.
#include <deque>
#include <fstream>
#include <iostream>

#include "tests/bench/bench_main.h"
#include "tests/bench/bench_usher.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"
#include "tests/support/client.h"

namespace usher::bench {
namespace {

constexpr std::size_t kFew = 10;
constexpr std::size_t kMany = 1000;
constexpr std::size_t kServed = 4;
constexpr int kFurtherClients = 100;  // in a measurement

constexpr double kLimit = 1.15;  // of the cost with few

// With few workers, so that clients wait, and for as long as they like.
class WaitingRoom {
 public:
  WaitingRoom(const BenchGround& ground, const std::string& road, std::size_t waiting)
      : usher_(ground, "waiting-" + std::to_string(waiting), configuration(road)), listener_(usher_.service("usher-listener")) {
    for (std::size_t i = 0; i < kServed; ++i) come();
    for (testing::Client& client : clients_) client.expect_line(100);
    while (clients_.size() < kServed + waiting) come();
    change_over();
  }

  // Units: microseconds of the listener for a further client.
  double cost() {
    const double before = listener_ns();
    for (int i = 0; i < kFurtherClients; ++i) change_over();
    return (listener_ns() - before) / 1000 / kFurtherClients;
  }

 private:
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

  static std::string configuration(const std::string& road) {
    return "[[listener]]\nname = \"bench\"\naddress = \"127.0.0.1:0\"\npool = \"bench\"\nmax_logins = 5000\n"
           "login_timeout = \"1h\"\npending_timeout = \"1h\"\ndispatch = \"" +
           road + "\"\n\n[pool.bench]\npam_service = \"" + kPamService +
           "\"\ninitial = 1\nthreshold = 1\nadditional = 1\nmaximum = " + std::to_string(kServed) +
           "\n\n[program.echo]\ncommand = [\"/bin/cat\"]\nusers = [\"*\"]\n";
  }

  void come() { clients_.emplace_back("127.0.0.1:" + std::to_string(usher_.port())); }
  void leave() {
    clients_.pop_front();
    clients_.at(kServed - 1).expect_line(100);
  }

  BenchUsher usher_;
  pid_t listener_;
  std::deque<testing::Client> clients_;  // in order of arrival: the first kServed have a worker
};

// Both at the same time, in turn.
void compare(const BenchGround& ground, const std::string& road, const BenchOptions& options, Table& table,
             std::vector<Target>& targets) {
  WaitingRoom with_few(ground, road, kFew);
  WaitingRoom with_many(ground, road, kMany);
  std::vector<double> few;
  std::vector<double> many;
  for (unsigned round = 0; round < options.rounds; ++round) {
    few.push_back(with_few.cost());
    many.push_back(with_many.cost());
  }
  table.add({road, number(median(few)), number(median(many))});
  targets.push_back({"1,000 waiting beside 10, " + road, median(many), median(few), Target::Bound::at_most, kLimit});
}

void run(const BenchOptions& options) {
  allow_many_descriptors();
  const BenchGround ground;
  std::cout << "# Waiting clients\n\n";
  print_machine();
  std::cout << "Processor time of the listener to accept a client and give it to a worker, in microseconds: the median of "
            << options.rounds << " rounds.\n\n";
  Table table({"dispatch", "with 10 waiting", "with 1,000 waiting"});
  std::vector<Target> targets;
  for (const std::string road : {"queue", "shared", "spawn"}) {
    if (options.server.empty() || options.server == road) compare(ground, road, options, table, targets);
  }
  table.print();
  print_targets(targets);
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  usher::bench::BenchOptions usual;
  usual.rounds = 11;
  return usher::bench::bench_main(count, arguments, usher::bench::run, usual);
}
