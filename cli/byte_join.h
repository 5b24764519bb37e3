// Joins standard input and output with a connection, byte for byte, until the server ends it.
//
// Model:  each direction goes on by itself: the end of the input is passed on as shutdown(SHUT_WR), and what the server
//         sends is still written; a server that takes no more input is still listened to. Bytes leave as soon as they
//         come, but for a suffix that could be the result line.
// Shape:  any bytes. The socket may be blocking or not; the modes of input and output are left as they are, for they
// may be
//         shared with others.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/result_filter.h"

namespace usher {

class ByteJoin {
 public:
  // With `with_result` the stream ends with a result line, which is taken off.
  ByteJoin(int socket, int input, int output, bool with_result)
      : socket_(socket), input_(input), output_(output), with_result_(with_result) {}

  // `first` is what had come from the server before. The program's status: 0..255, 128+N for a signal; empty when the
  // connection or the output ended without a result.
  // Errors: std::system_error when input or output fails otherwise than by its end.
  std::optional<int> run(std::string_view first);

 private:
  // What of one direction waits to be written.
  struct Bytes {
    std::string bytes;
    std::size_t written = 0;

    bool empty() const { return written == bytes.size(); }
    std::string_view rest() const { return std::string_view(bytes).substr(written); }
    void put(std::string_view more);
  };

  void wait_and_move();
  void read_input();
  void send_up();
  void end_up();
  void receive_down();
  void take_down(std::string_view bytes);
  void end_down();
  void write_down();
  bool wants_input() const { return up_.empty() && !input_over_ && !up_over_; }
  bool wants_server() const { return down_.empty() && !down_over_; }

  int socket_;
  int input_;
  int output_;
  bool with_result_;
  ResultFilter filter_;
  Bytes up_;
  Bytes down_;
  std::optional<int> status_;
  bool input_over_ = false;
  bool up_over_ = false;  // the server knows that no more comes, or takes no more
  bool down_over_ = false;
  bool output_gone_ = false;
};

}  // namespace usher
