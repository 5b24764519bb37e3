// Redis 7 over its unix socket: LPUSH, BRPOP, RPOP; no persistence.
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "base/unique_fd.h"
#include "tests/bench/dataqueue_peers.h"

namespace usher::bench {
namespace {

constexpr const char* kProgram = "/usr/bin/redis-server";
constexpr const char* kKeys[2] = {"q0", "q1"};

UniqueFd connect_to(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) socket.reset();
  return socket;
}

class RedisClient final : public Client {
 public:
  explicit RedisClient(const std::string& path) : socket_(connect_to(path)) {}
  void send(int queue, std::string_view data) override { (void)command({"LPUSH", kKeys[queue], data}); }
  void receive(int queue) override { (void)command({"BRPOP", kKeys[queue], "0"}); }
  bool try_receive(int queue) override { return command({"RPOP", kKeys[queue]}) != "$-1\r\n"; }

 private:
  // One command, one whole reply. Replies here are numbers, one string, or an array of two strings.
  std::string command(std::initializer_list<std::string_view> words) {
    std::string request = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string_view word : words) {
      request += "$" + std::to_string(word.size()) + "\r\n";
      request += word;
      request += "\r\n";
    }
    if (::write(socket_.get(), request.data(), request.size()) < 0) throw std::runtime_error("redis");
    std::string reply;
    while (!whole(reply)) {
      std::array<char, 4096> bytes{};
      const ssize_t got = ::read(socket_.get(), bytes.data(), bytes.size());
      if (got <= 0) throw std::runtime_error("redis");
      reply.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return reply;
  }
  static bool whole(const std::string& reply) {
    std::size_t at = 0;
    return skip(reply, at);
  }
  static bool skip(const std::string& reply, std::size_t& at) {
    const std::size_t end = reply.find("\r\n", at);
    if (end == std::string::npos) return false;
    const char kind = reply[at];
    const long number = std::strtol(reply.c_str() + at + 1, nullptr, 10);
    at = end + 2;
    if (kind == '$' && number >= 0) at += static_cast<std::size_t>(number) + 2;
    for (long i = 0; kind == '*' && i < number; ++i) {
      if (!skip(reply, at)) return false;
    }
    return at <= reply.size();
  }

  UniqueFd socket_;
};

class Redis final : public Peer {
 public:
  explicit Redis(const std::string& directory) : path_(directory + "/redis.sock") {
    pid_ = ::fork();
    if (pid_ == 0) {
      if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(127);
      ::execl(kProgram, "redis-server", "--port", "0", "--unixsocket", path_.c_str(), "--save", "", "--appendonly",
              "no", "--dir", directory.c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 1000 && !connect_to(path_); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ~Redis() override {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::string name() const override { return "Redis, unix socket, no persistence"; }
  std::unique_ptr<Client> connect() override { return std::make_unique<RedisClient>(path_); }

 private:
  std::string path_;
  pid_t pid_ = -1;
};

}  // namespace

std::unique_ptr<Peer> make_redis(const std::string& directory) {
  if (!std::filesystem::exists(kProgram)) return nullptr;
  return std::make_unique<Redis>(directory);
}

}  // namespace usher::bench
