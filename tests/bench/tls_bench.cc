// TLS: logins beside what bare handshakes and bare PAM leave room for; the relay beside stunnel; memory of an idle
// session.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/system.h"
#include "tests/bench/bare_logins.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/control.h"
#include "tests/bench/front_door.h"
#include "tests/bench/load.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"
#include "tests/bench/tls_session.h"
#include "tests/support/accounts.h"
#include "tests/support/certificates.h"
#include "tests/support/process_table.h"
#include "tests/support/tls_client.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;
using testing::Certificates;
using testing::TlsClient;

constexpr std::size_t kClients = 10;
constexpr std::size_t kIdleSessions = 200;
const std::string kAccount = "yescrypt";  // Debian's default hash
constexpr auto kControlTime = 500ms;

std::string configuration(const BenchGround& ground, const Certificates& made) {
  const auto program = [](const std::string& name, const std::string& command) {
    return "[program." + name + "]\ncommand = " + command +
           "\nusers = [\"*\"]\nlimits = { processes = 5000, memory = \"0\" }\n";
  };
  return "[server]\nruntime_directory = \"/run/usher-tls\"\nstate_directory = \"" + ground.path("usher-state") +
         "\"\n[[listener]]\nname = \"bench\"\naddress = \"127.0.0.1:0\"\npool = \"bench\"\nmax_logins = "
         "2000\nmax_sessions = 4000\n"
         "pending_timeout = \"60s\"\n[listener.tls]\n" +
         made.keys_of("front") + "[pool.bench]\npam_service = \"" + kPamService +
         "\"\ninitial = 8\nthreshold = 8\nadditional = 4\nmaximum = 4000\n" +
         program("say", "[\"" + ground.say() + "\"]") + program("echo", "[\"/bin/cat\"]") +
         program("count", "[\"/usr/bin/wc\", \"-c\"]") +
         program("zeros", "[\"/usr/bin/head\", \"-c\", \"100G\", \"/dev/zero\"]");
}

// Usher with TLS.
class TlsUsher {
 public:
  TlsUsher(const BenchGround& ground, const Certificates& made)
      : process_({USHER_BENCH_COMMAND, "start", "--foreground", "--config",
                  ground.write("usher-tls.toml", configuration(ground, made))}) {
    if (!process_.wait_for_error_text(": ready ")) throw std::runtime_error("Usher: " + process_.error_output());
    const std::string log = process_.error_output();
    constexpr std::string_view kBefore = "address=127.0.0.1:";
    port_ = static_cast<std::uint16_t>(std::stoul(log.substr(log.find(kBefore) + kBefore.size())));
  }
  TlsUsher(const TlsUsher&) = delete;
  TlsUsher& operator=(const TlsUsher&) = delete;
  ~TlsUsher() {
    process_.signal(SIGTERM);
    process_.wait_for_end(testing::kPatience);
  }

  NewSession sessions(const std::string& account) const {
    return tls_line_sessions(port_, {{{"100 ", account + "\r\n"},
                                      {"101 ", testing::password_of(account) + "\r\n"},
                                      {"102 ", "say\r\n"},
                                      {"hello", ""},
                                      {"103 ", ""}}});
  }
  NewSession idle_sessions() const {
    return tls_line_sessions(port_, {{{"100 ", "normal\r\n"},
                                      {"101 ", testing::password_of("normal") + "\r\n"},
                                      {"102 ", "echo\r\n"},
                                      {"110 ", "here\r\n"},
                                      {"here", ""}},
                                     false});
  }
  // With the program behind it, after its 110.
  TlsClient talk_to(const std::string& program) const {
    TlsClient client(begin_connection(port_));
    log_in(client, "normal", program);
    client.expect_line(110);
    return client;
  }
  pid_t pid() const noexcept { return process_.pid(); }

 private:
  testing::Process process_;
  std::uint16_t port_ = 0;
};

// stunnel as a server that runs the same programs.
class Stunnel {
 public:
  Stunnel(const BenchGround& ground, const Certificates& made)
      : process_({installed("/usr/bin/stunnel4"), ground.write("stunnel.conf", configuration_of(made))}) {
    testing::wait_until([&] {
      return process_.output().find("Configuration successful") != std::string::npos ||
             process_.error_output().find("Configuration successful") != std::string::npos;
    });
  }
  Stunnel(const Stunnel&) = delete;
  Stunnel& operator=(const Stunnel&) = delete;
  ~Stunnel() { process_.signal(SIGTERM); }

  TlsClient talk_to(const std::string& program) const { return TlsClient(begin_connection(ports_.at(program))); }

 private:
  std::string configuration_of(const Certificates& made) {
    std::string text = "foreground = yes\npid =\ndebug = notice\nsyslog = no\n";
    const auto service = [&](const std::string& name, const std::string& path, const std::string& arguments) {
      ports_[name] = free_port();
      text += "[" + name + "]\naccept = 127.0.0.1:" + std::to_string(ports_[name]) + "\nexec = " + path +
              "\nexecArgs = " + arguments + "\ncert = " + made.path("front.crt") + "\nkey = " + made.path("front.key") +
              "\n";
    };
    service("echo", "/bin/cat", "cat");
    service("count", "/usr/bin/wc", "wc -c");
    service("zeros", "/usr/bin/head", "head -c 100G /dev/zero");
    return text;
  }

  std::map<std::string, std::uint16_t> ports_;
  testing::Process process_;
};

// ---- the relay ----

double seconds_since(Instant begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// MB a second from the program to the client.
double down(TlsClient client, std::chrono::milliseconds time) {
  constexpr std::size_t kPiece = 1'000'000;
  client.read_bytes(kPiece);
  const Instant begin = Clock::now();
  double read = 0;
  while (Clock::now() - begin < time) read += static_cast<double>(client.read_bytes(kPiece).size());
  return read / 1e6 / seconds_since(begin);
}

// The same from the client to the program, which has counted them all at the end.
double up(TlsClient client, std::chrono::milliseconds time) {
  const std::string piece(16'384, 'u');
  const Instant begin = Clock::now();
  double sent = 0;
  for (; Clock::now() - begin < time; sent += static_cast<double>(piece.size())) client.send(piece);
  client.finish_sending();
  client.read_line();
  return sent / 1e6 / seconds_since(begin);
}

// Bytes there and back a second, one at a time.
double ping_pong(TlsClient client, std::chrono::milliseconds time) {
  client.send("x");
  client.read_bytes(1);
  const Instant begin = Clock::now();
  double trips = 0;
  for (; Clock::now() - begin < time; ++trips) {
    client.send("x");
    client.read_bytes(1);
  }
  return trips / seconds_since(begin);
}

struct RelayRates {
  std::vector<double> down, up, ping_pong;
};

template <class Server>
void measure_relay(const Server& server, std::chrono::milliseconds time, RelayRates& rates) {
  rates.down.push_back(down(server.talk_to("zeros"), time));
  rates.up.push_back(up(server.talk_to("count"), time));
  rates.ping_pong.push_back(ping_pong(server.talk_to("echo"), time));
}

std::vector<Target> compare_relays(const TlsUsher& usher, const Stunnel& stunnel, Control& control,
                                   const BenchOptions& options) {
  RelayRates ours, theirs;
  for (unsigned round = 0; round < options.rounds; ++round) {
    control.measure(kControlTime);
    measure_relay(usher, options.time, ours);
    measure_relay(stunnel, options.time, theirs);
  }
  Table table({"relay", "down MB/s", "up MB/s", "1-byte round trips/s"});
  for (const auto& [name, rates] : {std::pair("Usher", &ours), std::pair("stunnel", &theirs)}) {
    table.add({name, number(median(rates->down)), number(median(rates->up)), number(median(rates->ping_pong))});
  }
  table.print();
  const auto target = [](const std::string& name, const std::vector<double>& one, const std::vector<double>& other) {
    return Target{"relay beside stunnel, " + name, median(one), median(other), Target::Bound::at_least, 0.9};
  };
  return {target("down MB/s", ours.down, theirs.down), target("up MB/s", ours.up, theirs.up),
          target("1-byte round trips/s", ours.ping_pong, theirs.ping_pong)};
}

// ---- logins ----

Target compare_logins(const TlsUsher& usher, const Certificates& made, Control& control, const BenchOptions& options) {
  const HandshakeServer bare(made.path("front.crt"), made.path("front.key"));
  std::vector<double> logins, handshakes, pam;
  for (unsigned round = 0; round < options.rounds; ++round) {
    handshakes.push_back(
        keep_busy(tls_line_sessions(bare.port(), {{{"100", ""}}, true}), kClients, 300ms, options.time).rate());
    pam.push_back(log_in_barely(kAccount, processors(), options.time).rate());
    control.measure(kControlTime);
    const LoadResult result = keep_busy(usher.sessions(kAccount), kClients, 1s, options.time * 2);
    if (result.failures > 0) std::cerr << "a session failed: " << result.first_failure << '\n';
    logins.push_back(result.rate());
  }
  const double both = 1 / (1 / median(handshakes) + 1 / median(pam));
  Table table({"a second", "rate"});
  table.add({"TLS 1.3 handshakes, bare", number(median(handshakes))});
  table.add({"PAM logins, bare, " + kAccount, number(median(pam))});
  table.add({"both one after the other", number(both)});
  table.add({"Usher: handshake, login, program of one line", number(median(logins))});
  table.print();
  return {"TLS 1.3 logins/s, " + kAccount, median(logins), both, Target::Bound::at_least, 0.85};
}

// ---- memory ----

// The processes of a session without its program: its worker, and the login process that is its relay.
struct Memory {
  double worker = 0, relay = 0;  // KB, proportional
  std::size_t sessions = 0;
  bool operator==(const Memory&) const = default;
};

Memory memory_of_sessions(const TlsUsher& usher) {
  Memory memory;
  for (const testing::ProcessEntry& worker : testing::children_of(usher.pid())) {
    const auto children = testing::children_of(worker.pid);
    if (children.size() != 2) continue;
    ++memory.sessions;
    memory.worker += static_cast<double>(testing::proportional_memory_kb(worker.pid));
    for (const testing::ProcessEntry& child : children) {
      if (child.name != "cat") memory.relay += static_cast<double>(testing::proportional_memory_kb(child.pid));
    }
  }
  return memory;
}

// An idle process gives memory back after a second.
Memory settled_memory_of(const TlsUsher& usher) {
  Memory last;
  testing::wait_until([&] {
    std::this_thread::sleep_for(1500ms);
    const Memory now = memory_of_sessions(usher);
    return std::exchange(last, now) == now;
  });
  return last;
}

std::vector<Target> idle_memory(const TlsUsher& usher) {
  const auto held = hold(usher.idle_sessions(), kIdleSessions, kClients);
  const Memory memory = settled_memory_of(usher);
  if (memory.sessions != kIdleSessions) throw std::runtime_error("there are " + std::to_string(memory.sessions) + " sessions");
  const auto sessions = static_cast<double>(memory.sessions);
  const auto at_most = Target::Bound::at_most;
  const std::string of = " of " + std::to_string(kIdleSessions) + ", KB (proportional)";
  return {{"idle relay" + of, memory.relay / sessions, 0, at_most, 200},
          {"idle relayed session" + of, (memory.worker + memory.relay) / sessions, 0, at_most, 200}};
}

void append(std::vector<Target>& to, const std::vector<Target>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

void run(const BenchOptions& options) {
  const BenchGround ground;
  const Certificates made;
  made.server("front", "ec", "localhost");
  std::cout << "# TLS\n\n";
  print_machine();
  const TlsUsher usher(ground, made);
  const auto is_wanted = [&](const char* part) { return options.server.empty() || options.server == part; };
  Control control;
  std::vector<Target> targets;
  if (is_wanted("logins")) targets.push_back(compare_logins(usher, made, control, options));
  if (is_wanted("relay")) append(targets, compare_relays(usher, Stunnel(ground, made), control, options));
  if (!targets.empty()) control.print();
  for (Target& target : targets) target.disturbed = control.disturbed();
  if (is_wanted("memory")) append(targets, idle_memory(usher));
  print_targets(targets);
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  return usher::bench::bench_main(count, arguments, usher::bench::run);
}
