// One client's way through one session with a server, without ever waiting: the load generator waits for many at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace usher::bench {

class Session {
 public:
  enum class State { under_way, done, failed };

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  virtual int fd() const = 0;
  // What to wait for: EPOLLIN, EPOLLOUT.
  virtual std::uint32_t events() const = 0;
  // To be called once when made, then whenever the descriptor is ready.
  virtual State go_on() = 0;
  // Of a failed one: what came instead of what was awaited.
  virtual std::string failure() const = 0;
};

using NewSession = std::function<std::unique_ptr<Session>()>;

}  // namespace usher::bench
