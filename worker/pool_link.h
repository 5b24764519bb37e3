// The worker's side of the pool: reports of its own job, and the claim of a place for its session.
//
// Model:  the channel comes with the worker. When the pool dies, an idle worker goes; one with a client connects to pool.sock,
//         says who it is, and repeats what the new pool must know. The starter holds the listening socket, so connecting never
//         waits for the new pool.
#pragma once

#include <optional>
#include <string>

#include "base/channel.h"
#include "base/job_id.h"
#include "base/unique_fd.h"
#include "worker/pool_messages.h"

namespace usher {

class PoolLink {
 public:
  PoolLink(Channel channel, std::string socket_path, std::uint32_t number, JobId id);

  int fd() const noexcept { return channel_.fd(); }

  void joined() { say(Joined{}); }
  void took_client(std::string_view listener, std::string_view client);
  // The job log: the pool reads from `read_end`, which this worker keeps too, so that a restarted pool goes on.
  void keep_log(UniqueFd read_end);
  void claim(std::string_view program, std::string_view user, bool reserved);
  void active(pid_t program, Transport transport);
  // An own worker's: `page` stays the caller's.
  void own_program(pid_t program, std::string_view user, int page);
  void ended(EndKind kind, int value);

  enum class News { nothing, granted, denied, retire, lost };
  // What the pool has said, if anything. `lost`: it is gone; reconnect() is what a worker with a client does then.
  News hear();
  // Where pool.sock cannot be reached fd() is -1 after it, and the next report or call tries again.
  void reconnect() noexcept;

 private:
  // What a new pool has to be told is part of Resume: a report that found no pool is not lost.
  template <class M>
  void say(const M& message) {
    if (!channel_.send(message)) reconnect();
  }

  Channel channel_;
  std::string socket_path_;
  Resume now_;
  UniqueFd log_;
  UniqueFd page_;
  std::optional<Claim> open_claim_;
  std::optional<Ended> end_;
};

}  // namespace usher
