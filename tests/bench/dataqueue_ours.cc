#include <filesystem>

#include "tests/bench/dataqueue_peers.h"
#include "usher/data_queue.h"

namespace usher::bench {
namespace {

class Ours final : public Peer {
 public:
  Ours(const std::string& directory, Disk disk) : path_(directory + "/ours.db"), disk_(disk) {
    Library library(path_, {.create = true});
    for (const char* name : {"Q0", "Q1"}) library.create_queue(name, {.force = disk == Disk::forced});
  }
  std::string name() const override { return disk_ == Disk::forced ? "usher, force" : "usher"; }

  std::unique_ptr<Client> connect() override {
    class Connected final : public Client {
     public:
      explicit Connected(const std::string& path) : library_(path) {}
      void send(int queue, std::string_view data) override { queues_[queue].send(data); }
      void receive(int queue) override { (void)queues_[queue].receive(Wait::for_ever()); }
      bool try_receive(int queue) override { return queues_[queue].receive().has_value(); }

     private:
      Library library_;
      DataQueue queues_[2]{library_.queue("Q0"), library_.queue("Q1")};
    };
    return std::make_unique<Connected>(path_);
  }

 private:
  std::string path_;
  Disk disk_;
};

}  // namespace

std::unique_ptr<Peer> make_ours(const std::string& directory, Disk disk) {
  return std::make_unique<Ours>(directory, disk);
}

}  // namespace usher::bench
