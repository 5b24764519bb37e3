#include "handover/jobs_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/system.h"
#include "handover/job_messages.h"

namespace usher {
namespace {

bool is_ushers(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  check(::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length), "ask who listens");
  return peer.uid == 0 || peer.uid == ::geteuid();
}

}  // namespace

std::string jobs_socket_path() {
  const char* directory = std::getenv("USHER_RUNTIME_DIRECTORY");
  return std::string(directory != nullptr && *directory == '/' ? directory : "/run/usher") + "/jobs.sock";
}

Channel connect_to_pool() {
  const std::string path = jobs_socket_path();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Error(ErrorCode::not_running, path + " is too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  Channel channel(
      UniqueFd(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "make a socket")));
  const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  if (::connect(channel.fd(), generic, sizeof address) != 0) {
    const ErrorCode code = errno == EAGAIN   ? ErrorCode::busy
                           : errno == EACCES ? ErrorCode::not_authorized
                                             : ErrorCode::not_running;
    throw Error(code, "connect to Usher at " + path, errno);
  }
  if (!is_ushers(channel.fd())) throw Error(ErrorCode::not_authorized, "who listens at " + path + " is not Usher");
  return channel;
}

OwnJob ask_own_job(std::chrono::milliseconds patience) {
  const Channel pool = connect_to_pool();
  Packet answer;
  if (!pool.send(WhoAmI{}) || pool.wait_receive(answer, Clock::now() + patience, 0) != Received::packet) {
    throw Error(ErrorCode::busy, "the pool does not say which job this is");
  }
  if (answer.kind() == static_cast<std::uint8_t>(PoolAnswers::refused)) {
    throw Error(ErrorCode::job_not_found, "this process belongs to no job");
  }
  const auto job = answer.as<YourJob>();
  return {job.name.str(), JobId{job.id}.hex()};
}

}  // namespace usher
