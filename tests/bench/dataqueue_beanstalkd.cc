// beanstalkd over a unix socket: put, reserve and delete; a queue is a tube. Without a log, or with one that is synced at every put.
// Source: beanstalkd's protocol description.
#include <array>
#include <filesystem>

#include "tests/bench/dataqueue_peers.h"
#include "tests/bench/socket_server.h"

namespace usher::bench {
namespace {

constexpr const char* kProgram = "/usr/bin/beanstalkd";
constexpr std::array<const char*, 2> kTubes{"q0", "q1"};

class BeanstalkdClient final : public Client {
 public:
  explicit BeanstalkdClient(const std::string& path) : session_(path) {}
  void send(int queue, std::string_view data) override {
    use(queue);
    std::string request = "put 0 0 120 " + std::to_string(data.size()) + "\r\n";
    request += data;
    request += "\r\n";
    (void)command(request);
  }
  void receive(int queue) override {
    watch(queue);
    remove(command("reserve\r\n"));
  }
  bool try_receive(int queue) override {
    watch(queue);
    const std::string reply = command("reserve-with-timeout 0\r\n");
    if (!reply.starts_with("RESERVED ")) return false;
    remove(reply);
    return true;
  }

 private:
  std::string command(const std::string& request) {
    session_.write(request);
    return session_.read_line();
  }
  void use(int queue) {
    if (used_ == queue) return;
    (void)command(std::string("use ") + kTubes.at(static_cast<std::size_t>(queue)) + "\r\n");
    used_ = queue;
  }
  void watch(int queue) {
    if (watched_ == queue) return;
    (void)command(std::string("watch ") + kTubes.at(static_cast<std::size_t>(queue)) + "\r\n");
    (void)command(watched_ < 0 ? "ignore default\r\n"
                               : std::string("ignore ") + kTubes.at(static_cast<std::size_t>(watched_)) + "\r\n");
    watched_ = queue;
  }
  // RESERVED ID BYTES, and then the bytes.
  void remove(const std::string& reserved) {
    const std::size_t id = reserved.find(' ') + 1;
    const std::size_t bytes = reserved.find(' ', id);
    (void)session_.read_bytes(std::stoul(reserved.substr(bytes)) + 2);
    (void)command("delete " + reserved.substr(id, bytes - id) + "\r\n");
  }

  SocketSession session_;
  int used_ = -1;
  int watched_ = -1;
};

std::vector<std::string> words(const std::string& directory, Disk disk) {
  std::vector<std::string> words{kProgram, "-l", "unix:" + directory + "/beanstalkd.sock"};
  if (disk == Disk::forced) words.insert(words.end(), {"-b", directory, "-f", "0"});
  return words;
}

class Beanstalkd final : public Peer {
 public:
  Beanstalkd(const std::string& directory, Disk disk)
      : disk_(disk), server_(directory + "/beanstalkd.sock", words(directory, disk)) {}
  std::string name() const override {
    return disk_ == Disk::forced ? "beanstalkd, synced log" : "beanstalkd, unix socket, no log";
  }
  std::unique_ptr<Client> connect() override { return std::make_unique<BeanstalkdClient>(server_.path()); }

 private:
  Disk disk_;
  SocketServer server_;
};

}  // namespace

std::unique_ptr<Peer> make_beanstalkd(const std::string& directory, Disk disk) {
  if (!std::filesystem::exists(kProgram)) return nullptr;
  return std::make_unique<Beanstalkd>(directory, disk);
}

}  // namespace usher::bench
