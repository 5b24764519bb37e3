#include "tests/bench/socket_server.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <utility>

namespace usher::bench {

SocketServer::SocketServer(std::string path, std::vector<std::string> words) : path_(std::move(path)) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(127);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  for (int i = 0; i < 1000 && !connect_to(path_); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

SocketServer::~SocketServer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

UniqueFd connect_to(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) socket.reset();
  return socket;
}

void SocketSession::write(std::string_view bytes) {
  if (::write(socket_.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("the server takes nothing");
  }
}

std::string SocketSession::read_line() {
  std::size_t end = 0;
  while ((end = received_.find("\r\n")) == std::string::npos) fill();
  return read_bytes(end + 2);
}

std::string SocketSession::read_bytes(std::size_t count) {
  while (received_.size() < count) fill();
  std::string bytes = received_.substr(0, count);
  received_.erase(0, count);
  return bytes;
}

void SocketSession::fill() {
  std::array<char, 4096> bytes{};
  const ssize_t got = ::read(socket_.get(), bytes.data(), bytes.size());
  if (got <= 0) throw std::runtime_error("the server is gone");
  received_.append(bytes.data(), static_cast<std::size_t>(got));
}

}  // namespace usher::bench
