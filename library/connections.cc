#include "usher/connections.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>

#include "base/endpoint.h"
#include "base/system.h"
#include "handover/own_connection.h"

namespace usher {
namespace {

// A descriptor at its end: whoever reads it hears that nothing will come any more.
volatile sig_atomic_t end_of_all = -1;

// From here on the channel is at its end, for whoever waits on it and for whoever is about to: no moment between is
// missed.
void leave(int /*signal*/) {
  ::dup2(static_cast<int>(end_of_all), kConnectionsFd);
}

void hear_of_leaving() {
  ChannelPair pair = make_channel();
  end_of_all = pair.ours.release().release();
  struct sigaction action {};
  check(sigaction(SIGTERM, nullptr, &action), "ask for a handler");
  if (action.sa_handler != SIG_DFL) return;
  action.sa_handler = leave;
  action.sa_flags = SA_RESTART;
  check(sigaction(SIGTERM, &action, nullptr), "set a handler");
}

std::string checked_end(int fd, Endpoint (*end_of)(int)) try {
  return end_of(fd).text();
} catch (const std::system_error& error) {
  throw Error(ErrorCode::io, "ask who is connected", error.code().value());
}

}  // namespace

struct Connections::State {
  State() : channel(UniqueFd(kConnectionsFd)), page(kUsePageFd) {}

  static std::shared_ptr<State> make() {
    const char* pool = std::getenv(kOwnWorkerVariable);
    const bool there = pool != nullptr && ::fcntl(kConnectionsFd, F_GETFD) >= 0 && ::fcntl(kUsePageFd, F_GETFD) >= 0;
    if (!there) throw Error(ErrorCode::not_running, "this program was not started by a pool of Usher");
    for (const int fd : {kConnectionsFd, kUsePageFd, kReadyFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    check_is_channel(kConnectionsFd);
    hear_of_leaving();
    return std::make_shared<State>();
  }

  bool has_had_its_use() const { return page->max_use != 0 && page->taken >= page->max_use; }

  void say_ready() {
    std::call_once(said_ready, [] {
      static_cast<void>(!::write(kReadyFd, "", 1));
      ::close(kReadyFd);
    });
  }

  Channel channel;
  MappedUsePage page;
  std::once_flag said_ready;
};

struct ClientConnection::State {
  std::shared_ptr<Connections::State> owner;
  UniqueFd fd;
  OwnConnection record;
};

Connections::Connections() : state_(State::make()) {}
Connections::Connections(Connections&&) noexcept = default;
Connections::~Connections() = default;

std::optional<ClientConnection> Connections::take() {
  state_->say_ready();
  Packet packet;
  while (true) {
    if (state_->has_had_its_use() || state_->channel.receive_blocking(packet, 1) != Received::packet)
      return std::nullopt;
    ++state_->page->taken;
    auto taken = std::make_unique<ClientConnection::State>();
    taken->owner = state_;
    taken->record = packet.as<OwnConnection>();
    taken->fd = packet.take_descriptor(0);
    if (taken->fd) return ClientConnection(std::move(taken));
    ++state_->page->served;
  }
}

ClientConnection::ClientConnection(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
ClientConnection::ClientConnection(ClientConnection&& other) noexcept = default;
ClientConnection& ClientConnection::operator=(ClientConnection&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

ClientConnection::~ClientConnection() {
  if (!state_) return;
  state_->fd.reset();
  ++state_->owner->page->served;
}

int ClientConnection::fd() const noexcept {
  return state_->fd.get();
}
int ClientConnection::release() noexcept {
  return state_->fd.release();
}

std::string ClientConnection::listener() const {
  std::string name;
  for (const std::uint8_t byte : state_->record.listener) {
    if (byte != 0) name += static_cast<char>(byte);
  }
  return name;
}

std::chrono::steady_clock::time_point ClientConnection::accepted_at() const noexcept {
  return from_nanoseconds(state_->record.accepted_at);
}

std::string ClientConnection::client() const {
  return checked_end(fd(), peer_of);
}
std::string ClientConnection::local_address() const {
  return checked_end(fd(), local_end_of);
}

}  // namespace usher
