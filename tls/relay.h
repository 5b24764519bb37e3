// What a login process is after the login of a TLS client: two pipes, from the client to the program and back. For
// `usher login` the same the other way round: its peer is the server, and itself is the program.
//
// Model:  the program has one end of a socket pair, this process the other and the client. Each direction has one
// buffer and reads
//         only when that is empty, so a slow reader slows its writer and nobody else. An end is passed on when all
//         before it is: close_notify becomes end of file at the program, end of file becomes close_notify at the
//         client.
// Ends:   when the program's side is closed and all of it is with the client; when the client is lost: then the pair
// closes, which
//         the worker sees as a hang-up.
// Shape:  a buffer for a record of the client's (16 KB) and one for a record of ours (kRecord), and OpenSSL's two of a
//         record each: less than 64 KB.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/channel.h"
#include "base/client_stream.h"
#include "base/unique_fd.h"
#include "tls/connection.h"

namespace usher {

class Relay {
 public:
  // Without `worker` (a closed channel) nobody's end is watched but those of the two sides.
  Relay(ClientStream& client, int connection, UniqueFd program, const Channel& worker)
      : client_(client), connection_(connection), program_(std::move(program)), worker_(worker) {}

  // True when everything has been sent and the client is to be seen off in order.
  bool run();

 private:
  // Its memory is there while something moves.
  class Buffer {
   public:
    explicit Buffer(std::size_t size) : size_(size) {}
    bool empty() const noexcept { return begin_ == end_; }
    std::string_view rest() const noexcept;
    void take(std::size_t count) noexcept { begin_ += count; }
    // All of it, to be filled from the front when it is empty.
    std::span<std::uint8_t> room();
    void fill(std::size_t count) noexcept;
    void give_back() noexcept;

   private:
    std::size_t size_;
    std::unique_ptr<std::uint8_t[]> bytes_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
  };
  // Each goes on until it must wait; true when it stopped before that.
  bool move_up();
  bool move_down();
  void send_up();
  bool receive_up();
  void end_up();
  bool send_down();
  bool receive_down();
  bool end_down();
  bool wait_for_client();
  void lose() noexcept { lost_ = true; }
  void wait(bool more);
  void give_back() noexcept;
  bool over() const noexcept { return lost_ || (down_over_ && (up_over_ || program_gone_)); }

  ClientStream& client_;
  int connection_;
  UniqueFd program_;
  const Channel& worker_;
  Buffer up_{SSL3_RT_MAX_PLAIN_LENGTH};  // to the program
  Buffer down_{tls::kRecord};            // to the client
  short up_waits_ = 0;    // what the connection must become before up_ gets more
  short down_waits_ = 0;  // and before down_ gets rid of some
  bool client_ended_ = false;
  bool program_ended_ = false;
  bool up_over_ = false;  // the end has been passed on
  bool down_over_ = false;
  bool program_gone_ = false;  // its side is closed both ways
  bool program_full_ = false;
  bool program_idle_ = false;  // has nothing to read
  bool lost_ = false;
  bool gave_common_back_ = false;
};

}  // namespace usher
