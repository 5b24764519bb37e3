#include "tests/bench/bare_roads.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "base/channel.h"
#include "base/pipe.h"
#include "base/system.h"
#include "handover/hand_over.h"
#include "tests/bench/echo_line.h"
#include "tests/bench/listening_socket.h"
#include "usher/data_queue.h"

namespace usher::bench {
namespace {

constexpr std::string_view kReady = "READY";

pid_t start(const std::function<void()>& body) {
  const pid_t pid = check(::fork(), "start a process");
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  body();
  ::_exit(0);
}

// ---- who works ----

bool serve_one(const Channel& channel) {
  Packet packet;
  if (channel.receive_blocking(packet, 1) != Received::packet) return false;
  static_cast<void>(packet.as<HandOver>());
  echo_line(packet.take_descriptor(0).get());
  return true;
}

void work_when_asked(const Channel& channel, std::uint32_t number, const std::string& file) {
  Library library(file);
  DataQueue ready = library.queue(kReady);
  const std::string_view name(reinterpret_cast<const char*>(&number), sizeof number);  // NOLINT: its bytes
  do ready.send(name);
  while (serve_one(channel));
}

void work_in_turn(const Channel& channel) {
  while (serve_one(channel)) continue;
}

// ---- who accepts ----

void hand_over(const Channel& channel, const UniqueFd& client) {
  const Channel::Encoded record(HandOver{});
  const int fd = client.get();
  while (channel.send_bytes(record.bytes(), std::span(&fd, 1)) == Channel::Sent::full) {
    pollfd room{channel.fd(), POLLOUT, 0};
    ::poll(&room, 1, -1);
  }
}

using Taker = std::function<void(const UniqueFd& client)>;

[[noreturn]] void accept_for_ever(int listening, const UniqueFd& told, const Taker& take) {
  check(::write(told.get(), "1", 1), "say that all workers wait");
  while (true) {
    const UniqueFd client(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    if (client) take(client);
  }
}

Taker by_queue(std::size_t workers, const std::string& file) {
  Library(file, {.create = true}).create_queue(kReady);
  std::vector<Channel> roads;
  for (std::uint32_t i = 0; i < workers; ++i) {
    ChannelPair pair = make_channel();
    start([&] { work_when_asked(pair.theirs, i, file); });
    roads.push_back(std::move(pair.ours));
  }
  const auto library = std::make_shared<Library>(file);
  while (library->queue(kReady).describe().entries < workers) ::usleep(1000);
  return [library, ready = library->queue(kReady),
          roads = std::make_shared<std::vector<Channel>>(std::move(roads))](const UniqueFd& client) mutable {
    const auto entry = ready.receive(Wait::for_ever());
    std::uint32_t number = 0;
    std::memcpy(&number, entry->data.data(), sizeof number);
    hand_over(roads->at(number), client);
  };
}

Taker by_shared_channel(std::size_t workers) {
  ChannelPair pair = make_channel();
  for (std::size_t i = 0; i < workers; ++i) start([&] { work_in_turn(pair.theirs); });
  return [ours = std::make_shared<Channel>(std::move(pair.ours))](const UniqueFd& client) { hand_over(*ours, client); };
}

Taker by_spawning(std::size_t workers) {
  return [workers, running = std::size_t{0}](const UniqueFd& client) mutable {
    while (running > 0 && ::waitpid(-1, nullptr, running < workers ? WNOHANG : 0) > 0) --running;
    const ChannelPair pair = make_channel();
    hand_over(pair.ours, client);
    start([&] { serve_one(pair.theirs); });
    ++running;
  };
}

Taker take_by(Dispatch road, std::size_t workers, const std::string& file) {
  switch (road) {
    case Dispatch::queue: return by_queue(workers, file);
    case Dispatch::shared: return by_shared_channel(workers);
    case Dispatch::spawn: return by_spawning(workers);
    case Dispatch::own: break;
  }
  throw std::logic_error("a road that is none");
}

}  // namespace

BareServer::BareServer(Dispatch road, std::size_t workers, const std::string& file) {
  const ListeningSocket listening = listen_on_loopback();
  port_ = listening.port;
  Pipe ready = make_pipe();
  pid_ = start([&] { accept_for_ever(listening.fd.get(), ready.write, take_by(road, workers, file)); });
  ready.write.reset();
  char byte = 0;
  if (::read(ready.read.get(), &byte, 1) != 1) throw std::runtime_error("a bare server does not start");
}

BareServer::~BareServer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace usher::bench
