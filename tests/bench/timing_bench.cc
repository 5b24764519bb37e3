// Can a client tell by the time of the refusal whether a user exists?
#include <algorithm>
#include <future>
#include <iostream>
#include <random>

#include "tests/bench/bench_main.h"
#include "tests/bench/control.h"
#include "tests/bench/front_door.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"
#include "tests/bench/two_samples.h"
#include "tests/support/client.h"

namespace usher::bench {
namespace {

constexpr std::size_t kTries = 500;  // of each kind
constexpr double kLeastP = 0.001;
constexpr const char* kNobody = "nobody-there";

struct Samples {
  std::vector<double> unknown;
  std::vector<double> wrong;
};

// A check that waits for a processor may end after refusal_time, and is told from others by that.
unsigned clients_at_once() { return std::max(1U, processors() / 2); }

// Units: milliseconds from the secret to the refusal.
double time_of_refusal(const std::string& address, const std::string& user) {
  testing::Client client(address);
  client.answer(100, user);
  client.expect_line(101);
  const auto sent = std::chrono::steady_clock::now();
  client.send_line("not the password");
  client.expect_line(900);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - sent).count();
}

// One client after the other; which kind of try comes next is drawn, so that neither meets a machine of another state.
Samples try_in_turn(const std::string& address, const std::string& account, std::size_t tries, unsigned seed) {
  std::vector<bool> order(2 * tries, false);
  std::fill_n(order.begin(), tries, true);
  std::shuffle(order.begin(), order.end(), std::mt19937(seed));
  Samples samples;
  for (const bool exists : order) {
    (exists ? samples.wrong : samples.unknown).push_back(time_of_refusal(address, exists ? account : kNobody));
  }
  return samples;
}

void append(std::vector<double>& to, const std::vector<double>& more) { to.insert(to.end(), more.begin(), more.end()); }

Samples try_all(const std::string& address, const std::string& account, std::size_t tries) {
  std::vector<std::future<Samples>> threads;
  const std::size_t at_once = clients_at_once();
  for (unsigned i = 0; i < at_once; ++i) {
    threads.push_back(std::async(std::launch::async, try_in_turn, address, account, (tries + at_once - 1) / at_once, i + 1));
  }
  Samples all;
  for (auto& thread : threads) {
    const Samples some = thread.get();
    append(all.unknown, some.unknown);
    append(all.wrong, some.wrong);
  }
  return all;
}

void run(const BenchOptions& options) {
  const std::size_t tries = options.clients == 0 ? kTries : options.clients;
  const BenchGround ground;
  std::cout << "# Time of refusals\n\n";
  print_machine();
  std::cout << "Milliseconds from the secret to the refusal, with refusal_time = \"200ms\"; " << clients_at_once()
            << " clients at a time, both kinds in an order that is drawn.\n\n";
  const FrontDoorPtr usher = start_usher(ground, {}, "refusal_time = \"200ms\"\n");
  const Samples samples = try_all(usher->address(), options.account, tries);
  Table table({"who", "tries", "median", "5 %", "95 %", "longest"});
  const auto add = [&](const std::string& who, const std::vector<double>& times) {
    table.add({who, std::to_string(times.size()), number(median(times)), number(percentile(times, 0.05)),
               number(percentile(times, 0.95)), number(percentile(times, 1))});
  };
  add("unknown user", samples.unknown);
  add("wrong password of " + options.account, samples.wrong);
  table.print();
  const auto at_least = Target::Bound::at_least;
  print_targets({{"refusals alike, p of Kolmogorov-Smirnov", kolmogorov_smirnov(samples.unknown, samples.wrong), 0, at_least, kLeastP},
                 {"refusals alike, p of Mann-Whitney", mann_whitney(samples.unknown, samples.wrong), 0, at_least, kLeastP}});
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) { return usher::bench::bench_main(count, arguments, usher::bench::run); }
