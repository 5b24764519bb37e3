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
// Shape:  two buffers of 15 KB, and OpenSSL's two of a record each: less than 64 KB.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/channel.h"
#include "base/unique_fd.h"
#include "tls/client_stream.h"

namespace usher {

class Relay {
 public:
  // Without `worker` (a closed channel) nobody's end is watched but those of the two sides.
  Relay(ClientStream& client, int connection, UniqueFd program, const Channel& worker)
      : client_(client), connection_(connection), program_(std::move(program)), worker_(worker) {}

  // True when everything has been sent and the client is to be seen off in order.
  bool run();

 private:
  struct Buffer {
    std::array<std::uint8_t, std::size_t{15} * 1024> bytes;
    std::size_t begin = 0;
    std::size_t end = 0;

    bool empty() const noexcept { return begin == end; }
    std::string_view rest() const noexcept;
    void take(std::size_t count) noexcept;
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
  bool over() const noexcept { return lost_ || (down_over_ && (up_over_ || program_gone_)); }

  ClientStream& client_;
  int connection_;
  UniqueFd program_;
  const Channel& worker_;
  Buffer up_;             // to the program
  Buffer down_;           // to the client
  short up_waits_ = 0;    // what the connection must become before up_ gets more
  short down_waits_ = 0;  // and before down_ gets rid of some
  bool client_ended_ = false;
  bool program_ended_ = false;
  bool up_over_ = false;  // the end has been passed on
  bool down_over_ = false;
  bool program_gone_ = false;  // its side is closed both ways
  bool program_full_ = false;
  bool program_idle_ = false;  // has nothing to read
  bool gave_back_ = false;     // free memory, since something last moved
  bool lost_ = false;
};

}  // namespace usher
