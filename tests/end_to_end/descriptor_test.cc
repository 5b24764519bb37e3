// Descriptors given from job to job, by programs that clients run through the front door.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "base/channel.h"
#include "dataqueue/identity.h"
#include "handover/job_messages.h"
#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/installation.h"
#include "tests/end_to_end/processes.h"
#include "tests/end_to_end/room_for_sanitizer.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"
#include "usher/data_queue.h"

using namespace usher::testing;

namespace {

const std::string kPeer = "[program.peer]\ncommand = [\"" USHER_DESCRIPTOR_PEER "\"]\nusers = [\"*\"]\n" + std::string(kRoomForSanitizer);

std::string peer_as(const std::string& name, const std::string& more) {
  return "[program." + name + "]\ncommand = [\"/bin/sh\", \"-c\", \"" + more + "\"]\nusers = [\"*\"]\n" + kRoomForSanitizer;
}

// A client with a peer program of its own.
struct Peer {
  explicit Peer(const Installation& usher, const std::string& user = usual_account(),
                const std::string& program = "peer")
      : client(usher.address()) {
    log_in(client, user, program);
    client.send_line("id");
    const std::string line = client.read_line();
    id = line.substr(0, line.find(' '));
    name = line.substr(line.find(' ') + 1);
  }
  std::string ask(const std::string& line) {
    client.send_line(line);
    return client.read_line();
  }
  pid_t program(const Installation& usher) const { return pid_of(usher.job_of(client)); }

  Client client;
  std::string id;
  std::string name;
};

bool stands_in_take(pid_t program) {
  return wait_until([&] {
    return run({"/bin/cat", "/proc/" + std::to_string(program) + "/wchan"}).output.find("poll") != std::string::npos;
  });
}

}  // namespace

TEST_CASE("descriptors: a job gives its connection to another, which answers its client") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kPeer}));
  const Holdings before = holdings_of(usher);
  {
    Peer giver(usher);
    Peer taker(usher);
    CHECK(giver.name == usher.job_of(giver.client).at("job"));
    CHECK(giver.id == usher.job_of(giver.client).at("id"));
    for (const std::string& target : {taker.id, taker.name, taker.name.substr(0, taker.name.find('/'))}) {
      CAPTURE(target);
      taker.client.send_line("take 10");
      giver.client.send_line("give " + target + " index 10");
      CHECK(taker.client.read_line() == "took index 2 " + giver.name);
      const std::array<std::string, 2> lines{giver.client.read_line(), giver.client.read_line()};
      const std::string written = "from " + std::to_string(taker.program(usher));
      CHECK(((lines[0] == "given" && lines[1] == written) || (lines[1] == "given" && lines[0] == written)));
    }
    taker.client.finish_sending();
    giver.client.finish_sending();
    CHECK(taker.client.read_until_closed() == "\r\n103 The program has ended.\r\n");
    giver.client.read_until_closed();
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("descriptors: the giver may come first, the taker may wait by a descriptor, a wait may end without either") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPeer});
  Peer giver(usher);
  Peer taker(usher);
  CHECK(giver.ask("give " + taker.id + " early 0.2") == "nothing");
  CHECK(taker.ask("take 0.2") == "nothing");
  CHECK(taker.ask("hold 0.2") == "nothing");
  giver.client.send_line("give " + taker.id + " early 10");
  REQUIRE(stands_in_take(giver.program(usher)));
  CHECK(taker.ask("hold 10") == "took early 2 " + giver.name);
  CHECK(taker.ask("take 0.1") == "nothing");
}

TEST_CASE("descriptors: up to sixteen with up to 1,024 bytes, as a whole or not at all, and none is left open") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPeer});
  Peer giver(usher);
  Peer taker(usher);
  const std::string givers = giver.ask("open");
  const std::string takers = taker.ask("open");
  for (const auto& [count, size] : {std::pair(1, 0), std::pair(16, 1024), std::pair(7, 100)}) {
    CAPTURE(count);
    taker.client.send_line("take-many");
    CHECK(giver.ask("give-many " + taker.id + " " + std::to_string(count) + " " + std::to_string(size)) == "given");
    CHECK(taker.client.read_line() == "took " + std::to_string(count) + " " + std::to_string(size));
  }
  CHECK(giver.ask("give-many " + taker.id + " 0 5") == "error invalid_argument");
  CHECK(giver.ask("give-many " + taker.id + " 17 5") == "error invalid_argument");
  CHECK(giver.ask("give-many " + taker.id + " 1 1025") == "error too_long");
  CHECK(giver.ask("open") == givers);
  CHECK(taker.ask("open") == takers);
}

TEST_CASE("descriptors: a taker without room for all of them has taken none, and its giver waits for one that has") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPeer});
  Peer giver(usher);
  Peer taker(usher);
  const int open = std::stoi(taker.ask("open"));
  CHECK(taker.ask("limit " + std::to_string(open + 10)) == "limited");
  giver.client.send_line("give-many " + taker.id + " 16 9");
  CHECK(taker.ask("take-many") == "error io");
  CHECK(taker.ask("open") == std::to_string(open));
  CHECK(giver.client.is_silent(std::chrono::milliseconds(100)));
  CHECK(taker.ask("limit 100") == "limited");
  CHECK(taker.ask("take-many") == "took 16 9");
  CHECK(giver.client.read_line() == "given");
  CHECK(taker.ask("open") == std::to_string(open));
}

TEST_CASE("descriptors: only from a source that was named, where one was") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPeer});
  Peer taker(usher);
  Peer other(usher);
  Peer source(usher);
  other.client.send_line("give " + taker.id + " other 10");
  REQUIRE(stands_in_take(other.program(usher)));
  taker.client.send_line("take 10 " + source.id);
  source.client.send_line("give " + taker.id + " wanted 10");
  CHECK(taker.client.read_line() == "took wanted 2 " + source.name);
  CHECK(taker.ask("take 10") == "took other 2 " + other.name);
}

TEST_CASE("descriptors: jobs of other users, processes that are no job, and jobs that are none are refused") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs the test accounts");
  const Installation usher({.programs = kPeer});
  Peer normal(usher, "normal");
  Peer second(usher, "second");
  CHECK(second.ask("give " + normal.id + " x 5") == "error not_authorized");
  CHECK(second.ask("give 00000000000000000000000000000000 x 5") == "error job_not_found");
  CHECK(second.ask("give nobody/at/all x 5") == "error job_not_found");
  CHECK(second.ask("give 999999 x 5") == "error job_not_found");
  const std::vector<std::string> variables{"USHER_RUNTIME_DIRECTORY=" + usher.directory().path("run")};
  const auto outside = [&](const std::string& user, const std::string& line) {
    auto command = command_as(user, {"env", variables[0], USHER_DESCRIPTOR_PEER});
    return run(command, {.input = line + "\n"}).output;
  };
  CHECK(outside("normal", "give " + normal.id + " x 5") == "error not_authorized\n");
  CHECK(outside("normal", "take 5") == "error job_not_found\n");
  CHECK(outside("normal", "id") == "error job_not_found\n");
  // Root may give to all.
  normal.client.send_line("take 10");
  const Result root =
      run({USHER_DESCRIPTOR_PEER}, {.input = "give " + normal.id + " gift 10\n", .variables = variables});
  CHECK(root.output.find("given\n") != std::string::npos);
  CHECK(normal.client.read_line() == "took gift 2 root");
}

TEST_CASE("descriptors: what a program started itself belongs to its job, also when its parent has gone") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = peer_as("below", "exec 5<&0; (setsid " USHER_DESCRIPTOR_PEER " <&5 &) ; "
                                                         "exec sleep 1000")});
  Peer peer(usher, usual_account(), "below");
  CHECK(peer.id == usher.job_of(peer.client).at("id"));
}

TEST_CASE("descriptors: killed givers, takers and pools: the other side waits on, or is told") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kPeer}));
  const Holdings before = holdings_of(usher);
  {
    Peer taker(usher);
    {
      Peer giver(usher);
      giver.client.send_line("give " + taker.id + " never 100");
      REQUIRE(stands_in_take(giver.program(usher)));
      signal_to(giver.program(usher), SIGKILL);
      giver.client.read_until_closed();
    }
    CHECK(taker.ask("take 0.2") == "nothing");

    Peer giver(usher);
    taker.client.send_line("take 100");
    REQUIRE(stands_in_take(taker.program(usher)));
    signal_to(usher.service("usher-pool"), SIGKILL);
    giver.client.send_line("give " + taker.id + " late 100");
    CHECK(taker.client.read_line() == "took late 2 " + giver.name);
    giver.client.read_line();
    giver.client.read_line();

    giver.client.send_line("give " + taker.id + " patient 100");
    REQUIRE(stands_in_take(giver.program(usher)));
    signal_to(usher.service("usher-pool"), SIGKILL);
    CHECK(taker.ask("take 100") == "took patient 2 " + giver.name);
    giver.client.read_line();
    giver.client.read_line();

    giver.client.send_line("give " + taker.id + " orphaned 100");
    REQUIRE(stands_in_take(giver.program(usher)));
    signal_to(taker.program(usher), SIGKILL);
    CHECK(giver.client.read_line() == "error job_not_found");
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("descriptors: from C, and by the calls of IBM i") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs the test accounts");
  const Installation usher({.programs = kPeer});
  Peer giver(usher, "normal");
  Peer taker(usher, "normal");
  Peer stranger(usher, "second");
  taker.client.send_line("accept");
  CHECK(giver.ask("offer " + taker.id) == "0");
  CHECK(taker.client.read_line() == "took c 1 " + giver.name);
  taker.client.send_line("take-ibmi");
  CHECK(giver.ask("offer-ibmi " + taker.id) == "0");
  CHECK(taker.client.read_line() == "took");
  CHECK(stranger.ask("offer-ibmi " + taker.id) == std::to_string(EACCES));
  CHECK(stranger.ask("offer-ibmi 00000000000000000000000000000000") == std::to_string(EINVAL));
}

TEST_CASE("descriptors: a stop of Usher is told to those who wait") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  std::optional<Installation> usher(std::in_place, Setting{.programs = kPeer});
  const std::string runtime = usher->directory().path("run");
  const auto outside = [&](const std::string& line) {
    return run({USHER_DESCRIPTOR_PEER}, {.input = line + "\n", .variables = {"USHER_RUNTIME_DIRECTORY=" + runtime}})
        .output;
  };
  CHECK(outside("id") == "error job_not_found\n");
  usher.reset();
  CHECK(outside("id") == "error not_running\n");
  CHECK(outside("take 10") == "error not_running\n");
}

namespace {

usher::Channel connect_to(const std::string& path) {
  usher::Channel channel(usher::UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::connect(channel.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) channel.close();
  return channel;
}

bool is_closed_by_peer(const usher::Channel& channel) {
  usher::Packet packet;
  return channel.wait_receive(packet, usher::Clock::now() + kPatience, 0) == usher::Received::closed;
}

}  // namespace

TEST_CASE("descriptors: hostile peers of the pool are cut off, and nobody else notices") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kPeer}));
  const Holdings before = holdings_of(usher);
  const std::string path = usher.directory().path("run/jobs.sock");
  for (const std::vector<std::uint8_t>& nonsense :
       {std::vector<std::uint8_t>{0}, {99}, {1, 2, 3}, std::vector<std::uint8_t>(2048, 2), {3}}) {
    const usher::Channel peer = connect_to(path);
    peer.send_bytes(nonsense, {});
    CHECK(is_closed_by_peer(peer));
  }
  {
    std::vector<usher::Channel> silent;
    for (int i = 0; i < 600; ++i) silent.push_back(connect_to(path));
    // Those of this user who are too many are closed at once, the others for their silence.
    CHECK(is_closed_by_peer(silent.back()));
    if (!single_uid()) {
      Peer normal(usher);
      CHECK(normal.ask("take 0.1") == "nothing");
    }
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("descriptors: the sender of an entry is the job, or what the kernel knows of a process that is none") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPeer});
  const TemporaryDirectory shared;
  std::filesystem::permissions(shared.path(), std::filesystem::perms::all);
  const std::string file = shared.path("work.db");
  usher::Library library(file, {.create = true, .mode = 0666});
  usher::DataQueue queue = library.create_queue("SENDERS", {.sender_id = true});
  for (const auto& entry : std::filesystem::directory_iterator(shared.path())) {
    std::filesystem::permissions(entry.path(), std::filesystem::perms(0666));
  }
  Peer peer(usher);
  CHECK(peer.ask("send " + file + " SENDERS") == "sent");
  auto entry = queue.receive(usher::Wait::none());
  REQUIRE(entry);
  CHECK(entry->sender->job == peer.name);
  CHECK(entry->sender->current_user == usual_account());
  const Result outside = run({USHER_DESCRIPTOR_PEER}, {.input = "send " + file + " SENDERS\n"});
  CHECK(outside.output == "sent\n");
  entry = queue.receive(usher::Wait::none());
  REQUIRE(entry);
  CHECK(entry->sender->job.ends_with("/descriptor_peer"));
}
