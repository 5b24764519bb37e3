// Redis 7 over its unix socket: LPUSH, BRPOP, RPOP; no persistence.
#include <cstdlib>
#include <filesystem>

#include "tests/bench/dataqueue_peers.h"
#include "tests/bench/socket_server.h"

namespace usher::bench {
namespace {

constexpr const char* kProgram = "/usr/bin/redis-server";
constexpr const char* kKeys[2] = {"q0", "q1"};

class RedisClient final : public Client {
 public:
  explicit RedisClient(const std::string& path) : session_(path) {}
  void send(int queue, std::string_view data) override { (void)command({"LPUSH", kKeys[queue], data}); }
  void receive(int queue) override { (void)command({"BRPOP", kKeys[queue], "0"}); }
  bool try_receive(int queue) override { return command({"RPOP", kKeys[queue]}) != "$-1\r\n"; }

 private:
  // One command; the first line of its reply.
  std::string command(std::initializer_list<std::string_view> words) {
    std::string request = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string_view word : words) {
      request += "$" + std::to_string(word.size()) + "\r\n";
      request += word;
      request += "\r\n";
    }
    session_.write(request);
    return read_reply();
  }
  // Replies here are numbers, one string, or an array of two strings.
  std::string read_reply() {
    std::string line = session_.read_line();
    const long number = std::strtol(line.c_str() + 1, nullptr, 10);
    if (line[0] == '$' && number >= 0) (void)session_.read_bytes(static_cast<std::size_t>(number) + 2);
    for (long i = 0; line[0] == '*' && i < number; ++i) (void)read_reply();
    return line;
  }

  SocketSession session_;
};

class Redis final : public Peer {
 public:
  explicit Redis(const std::string& directory)
      : server_(directory + "/redis.sock", {kProgram, "--port", "0", "--unixsocket", directory + "/redis.sock", "--save", "",
                                            "--appendonly", "no", "--dir", directory}) {}
  std::string name() const override { return "Redis, unix socket, no persistence"; }
  std::unique_ptr<Client> connect() override { return std::make_unique<RedisClient>(server_.path()); }

 private:
  SocketServer server_;
};

}  // namespace

std::unique_ptr<Peer> make_redis(const std::string& directory) {
  if (!std::filesystem::exists(kProgram)) return nullptr;
  return std::make_unique<Redis>(directory);
}

}  // namespace usher::bench
