// A pool of workers of one's own, which echo a line, beside the same without Usher.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <filesystem>
#include <iostream>

#include "tests/bench/bare_pool.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/front_door.h"
#include "tests/bench/line_session.h"
#include "tests/bench/load.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorkers = 16;
constexpr std::array<std::size_t, 3> kClients{1, 10, 100};
constexpr double kLeastRatio = 0.85;
constexpr std::string_view kLine = "good morning\n";

// Connects, says a line, and is done when the server has sent it back and closed.
class EchoSession : public Session {
 public:
  explicit EchoSession(std::uint16_t port) : fd_(begin_connection(port)) {}

  int fd() const override { return fd_.get(); }
  std::uint32_t events() const override { return said_ ? EPOLLIN : EPOLLOUT; }

  State go_on() override {
    if (!std::exchange(said_, true)) {
      const ssize_t sent = ::send(fd_.get(), kLine.data(), kLine.size(), MSG_NOSIGNAL);
      return sent == static_cast<ssize_t>(kLine.size()) ? State::under_way : State::failed;
    }
    std::array<char, 64> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
    const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (got > 0) heard_.append(bytes.data(), static_cast<std::size_t>(got));
    if (got > 0 || (got < 0 && errno == EAGAIN)) return State::under_way;
    return heard_ == kLine ? State::done : State::failed;
  }

  std::string failure() const override { return "heard \"" + heard_ + "\""; }

 private:
  UniqueFd fd_;
  bool said_ = false;
  std::string heard_;
};

NewSession echoes(std::uint16_t port) {
  return [port] { return std::make_unique<EchoSession>(port); };
}

class UsherPool {
 public:
  explicit UsherPool(const BenchGround& ground)
      : process_({USHER_BENCH_COMMAND, "start", "--foreground", "--config", configuration(ground)}) {
    if (!process_.wait_for_error_text(": ready ")) throw std::runtime_error("Usher: " + process_.error_output());
    const std::string log = process_.error_output();
    constexpr std::string_view kBefore = "address=127.0.0.1:";
    port_ = static_cast<std::uint16_t>(std::stoul(log.substr(log.find(kBefore) + kBefore.size())));
  }
  ~UsherPool() {
    process_.signal(SIGTERM);
    process_.wait_for_end(testing::kPatience);
  }

  std::uint16_t port() const noexcept { return port_; }

 private:
  static std::string configuration(const BenchGround& ground) {
    const std::string worker = ground.path("echo_worker");
    std::filesystem::copy_file(USHER_BENCH_ECHO_WORKER, worker);
    const std::string count = std::to_string(kWorkers);
    return ground.write(
        "own.toml", "[server]\nruntime_directory = \"/run/usher\"\nstate_directory = \"" + ground.path("usher-state") +
                        "\"\n[[listener]]\nname = \"echo\"\naddress = \"127.0.0.1:0\"\npool = \"echo\"\n"
                        "[pool.echo]\ncommand = [\"" +
                        worker + "\"]\nuser = \"nobody\"\ninitial = " + count + "\nthreshold = 0\nmaximum = " + count +
                        "\n");
  }

  testing::Process process_;
  std::uint16_t port_ = 0;
};

struct Rates {
  std::vector<double> bare, ours, bare_p99, ours_p99;
};

void measure(const NewSession& make, std::size_t clients, const BenchOptions& options, std::vector<double>& rates,
             std::vector<double>& p99) {
  const LoadResult result = keep_busy(make, clients, 300ms, options.time);
  if (result.failures > 0) std::cerr << "a session failed: " << result.first_failure << '\n';
  rates.push_back(result.rate());
  p99.push_back(percentile(result.latencies, 0.99));
}

void run(const BenchOptions& options) {
  const BenchGround ground;
  const UsherPool usher(ground);
  const BarePool bare(kWorkers);
  std::cout << "# Workers of one's own: connect, a line and its echo, close; " << kWorkers << " workers\n\n";
  print_machine();

  Table table({"clients", "bare /s", "Usher /s", "ratio", "bare p99 ms", "Usher p99 ms"});
  std::vector<Target> targets;
  for (const std::size_t clients : kClients) {
    if (options.clients != 0 && clients != options.clients) continue;
    Rates rates;
    for (unsigned round = 0; round < options.rounds; ++round) {
      measure(echoes(bare.port()), clients, options, rates.bare, rates.bare_p99);
      measure(echoes(usher.port()), clients, options, rates.ours, rates.ours_p99);
    }
    const double ours = median(rates.ours);
    const double theirs = median(rates.bare);
    table.add({std::to_string(clients), number(theirs), number(ours), number(theirs == 0 ? 0 : ours / theirs),
               number(median(rates.bare_p99)), number(median(rates.ours_p99))});
    targets.push_back({"own workers, " + std::to_string(clients) + " clients, sessions/s", ours, theirs,
                       Target::Bound::at_least, kLeastRatio});
  }
  table.print();
  print_targets(targets);
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  return usher::bench::bench_main(count, arguments, usher::bench::run);
}
