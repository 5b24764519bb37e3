// The queues that are measured side by side: ours, bare loops of the same SQL, Redis, PostgreSQL, beanstalkd.
//
// A Peer is a place with queues of 100-byte entries, made once; a Client is one process's connection to it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace usher::bench {

class Client {
 public:
  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  virtual ~Client() = default;
  virtual void send(int queue, std::string_view data) = 0;
  // Waits for an entry.
  virtual void receive(int queue) = 0;
  // False: nothing there.
  virtual bool try_receive(int queue) = 0;
};

class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;
  virtual std::string name() const = 0;
  // In the process that uses it.
  virtual std::unique_ptr<Client> connect() = 0;
};

enum class Disk { unforced, forced };
// Whether a send wakes a receiver that waits. Ours, Redis and beanstalkd always do.
enum class WakeUp { yes, no };

// Each in a directory of its own under `directory`, with two queues.
std::unique_ptr<Peer> make_ours(const std::string& directory, Disk disk);
// The same statements under a plain shared mutex, and a bare futex for the receiver.
std::unique_ptr<Peer> make_bare(const std::string& directory, Disk disk);
// Empty where the program is not installed.
std::unique_ptr<Peer> make_redis(const std::string& directory);
std::unique_ptr<Peer> make_beanstalkd(const std::string& directory, Disk disk);
std::unique_ptr<Peer> make_postgresql(const std::string& directory, Disk disk, WakeUp wake_up);

}  // namespace usher::bench
