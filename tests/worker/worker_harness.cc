#include "tests/worker/worker_harness.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/listen_address.h"
#include "base/system.h"
#include "worker/worker.h"

namespace usher::testing {
namespace {

std::string toml(const WorkerSetting& setting, const std::string& directory) {
  return "[server]\nruntime_directory = \"" + directory + "\"\nstate_directory = \"" + directory + "/state\"\n" +
         setting.server + "\n[[listener]]\nname = \"front\"\naddress = \"127.0.0.1:0\"\npool = \"generic\"\n" +
         (setting.listener.find("refusal_time") == std::string::npos ? "refusal_time = \"50ms\"\n" : "") + setting.listener + "\n[pool.generic]\npam_service = \"" + setting.pam_service +
         "\"\npam_directory = \"" + (setting.pam_directory.empty() ? "/etc/pam.d" : setting.pam_directory) + "\"\n" +
         setting.programs;
}

Configuration parsed(const std::string& text) {
  const ConfigurationResult result = parse_configuration({{{"test.toml", text}}, {}, {}, true});
  for (const Fault& fault : result.faults) {
    if (fault.severity == Severity::error) MESSAGE(fault.text());
  }
  REQUIRE(result.ok());
  return result.configuration;
}

std::pair<UniqueFd, UniqueFd> tcp_pair() {
  const auto address = parse_listen_address("127.0.0.1:0");
  const UniqueFd listening(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  check(::bind(listening.get(), address->address(), address->length), "bind");
  check(::listen(listening.get(), 1), "listen");
  ListenAddress bound;
  bound.length = sizeof bound.storage;
  check(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.length), "getsockname");
  UniqueFd client(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  check(::connect(client.get(), bound.address(), bound.length), "connect");
  return {std::move(client), UniqueFd(check(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"))};
}

Account account_of_login_process() {
  const auto account = geteuid() == 0 ? find_account("usher-login") : find_account(geteuid());
  REQUIRE(account);
  return *account;
}

}  // namespace

void PermissiveListener::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Packet packet;
    const Received received = workers_.wait_receive(packet, Clock::now() + std::chrono::milliseconds(20), 0);
    if (received == Received::closed) break;
    if (received == Received::packet && !answer(packet)) heard_.theirs.send_bytes(packet.bytes(), {});
  }
  heard_.theirs.close();
}

bool PermissiveListener::answer(const Packet& packet) {
  switch (static_cast<WorkerTellsListener>(packet.kind())) {
    case WorkerTellsListener::attempt: return workers_.send(Verdict{packet.as<Attempt>().question, LimitReason::none});
    case WorkerTellsListener::client_host: return workers_.send(Verdict{packet.as<ClientHost>().question, LimitReason::none});
    case WorkerTellsListener::login_failed:
    case WorkerTellsListener::login_succeeded: return true;
    case WorkerTellsListener::taken:
    case WorkerTellsListener::no_room:
    case WorkerTellsListener::login_over: return false;
  }
  return false;
}

WorkerHarness::WorkerHarness(const WorkerSetting& setting, Await await)
    : configuration_(parsed(toml(setting, directory_.path()))), limited_by_test_(setting.limited_by_test) {
  check(::mkdir(directory_.path("empty").c_str(), 0755), "mkdir");
  Jail jail{account_of_login_process()};
  if (geteuid() == 0) jail.root.reset(check(::open(directory_.path("empty").c_str(), O_PATH | O_CLOEXEC), "open"));
  static const SystemCallFilter kFilter(login_system_calls());
  const PoolConfig& pool = configuration_.pools.at(0);
  auto pam = std::make_unique<PamTransaction>(pool.pam_service, pool.pam_directory);
  std::array<Channel, 3> theirs;
  std::size_t next = 0;
  for (Channel* ours : {&starter_, &listener_, &pool_}) {
    ChannelPair pair = make_channel();
    *ours = std::move(pair.ours);
    theirs.at(next++) = std::move(pair.theirs);
  }
  const tls::Servers servers(configuration_);
  pid_ = check(::fork(), "fork");
  if (pid_ == 0) {
    starter_.close();
    listener_.close();
    pool_.close();
    const Footprint footprint;
    const UniqueFd program = servers.vault().size() > 0 ? UniqueFd() : login_program();
    const WorkerExit exit = run_worker({configuration_, 1, 123, JobId{}, 0, jail, kFilter, program, servers, footprint, "usher", std::move(pam),
                                        std::move(theirs[0]), std::move(theirs[1]), std::move(theirs[2])});
    _exit(static_cast<int>(exit));
  }
  if (await == Await::nothing) return;
  from_starter_channel<WorkerReady>();
  from_pool_channel<Joined>();
}

WorkerHarness::~WorkerHarness() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void WorkerHarness::hand_over(int fd, std::uint32_t generation) {
  REQUIRE(listener_.send(HandOver{0, generation, to_nanoseconds(Clock::now())}, fd));
}

Client WorkerHarness::connect() { return Client(connect_socket()); }

UniqueFd WorkerHarness::connect_socket() {
  auto [client, server] = tcp_pair();
  hand_over(server.get());
  server.reset();
  from_listener_channel<Taken>();
  if (!limited_by_test_) listener_stand_in_.emplace(listener_);
  from_starter_channel<ClientTaken>();
  from_pool_channel<TookClient>();
  return std::move(client);
}

void WorkerHarness::log_in(Client& client, const std::string& user, const std::string& program) {
  client.answer(100, user);
  client.answer(101, user + "-secret");
  client.answer(102, program);
  grant();
  client.expect_line(110);
}

Claim WorkerHarness::receive_claim() {
  Packet packet;
  receive(pool_, packet);
  packet.as<LogPipe>();
  REQUIRE(packet.descriptors() == 1);
  log_ = packet.take_descriptor(0);
  return from_pool_channel<Claim>();
}

Claim WorkerHarness::grant() {
  Claim claim = receive_claim();
  REQUIRE(pool_.send(Granted{}));
  return claim;
}

Claim WorkerHarness::deny() {
  Claim claim = receive_claim();
  REQUIRE(pool_.send(Denied{}));
  return claim;
}

std::string WorkerHarness::log_text() {
  std::string text;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 0; (got = ::read(log_.get(), bytes.data(), bytes.size())) > 0;) {
    text.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string WorkerHarness::log_so_far() {
  pollfd look{log_.get(), POLLIN, 0};
  std::array<char, 4096> bytes{};
  if (::poll(&look, 1, 0) <= 0) return {};
  const ssize_t got = ::read(log_.get(), bytes.data(), bytes.size());
  return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : std::string();
}

int WorkerHarness::wait() {
  int status = 0;
  const pid_t pid = std::exchange(pid_, 0);
  const bool ended = wait_until([&] { return ::waitpid(pid, &status, WNOHANG) == pid; });
  if (!ended) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    FAIL("the worker does not end");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void WorkerHarness::receive(Channel& channel, Packet& packet) {
  REQUIRE(channel.wait_receive(packet, Clock::now() + kPatience) == Received::packet);
}

std::string shell_program(const std::string& name, const std::string& script, const std::string& more) {
  return "[program." + name + "]\ndescription = \"a test\"\nusers = [\"*\"]\ncommand = [\"/bin/sh\", \"-c\", '''" + script +
         "''']\n" + more + "\n";
}

}  // namespace usher::testing
