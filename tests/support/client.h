// A client as a test drives it: over TCP (v4, v6) or a unix socket, line by line, with every wait bounded.
//
//   Client client(address);
//   client.answer(100, "normal");
//   client.answer(101, "normal-secret");
//   client.answer(102, "echo");
//   client.expect_line(110);
//
// Shape:  an address is written as in the configuration: "127.0.0.1:4000", "[::1]:4000", "unix:/path".
// Errors: ClientError, with the whole dialog so far, for every line, end or wait that is not the expected one.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "tests/support/wait_until.h"

namespace usher::testing {

class ClientError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Client {
 public:
  // `from`: the local IP address to come from; empty leaves it to the kernel.
  explicit Client(const std::string& address, const std::string& from = "");
  // Takes over a connected socket.
  explicit Client(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

  int fd() const noexcept { return fd_.get(); }
  void set_patience(std::chrono::milliseconds patience) noexcept { patience_ = patience; }

  void send(std::string_view bytes);
  void send_line(std::string_view text);  // with CRLF

  // One line without its end, which is CRLF or LF.
  std::string read_line();
  // A line "CODE text"; gives the text.
  std::string expect_line(int code);
  // Expects such a line and sends this one.
  void answer(int code, std::string_view line);

  std::string read_bytes(std::size_t count);
  // All that still comes; the connection must end orderly, without a reset.
  std::string read_until_closed();
  // The peer must end the connection orderly without another byte.
  void expect_closed();
  // True when the connection is reset within the patience, whatever came before.
  bool is_reset();
  // Nothing comes for that long, and the connection stands.
  bool is_silent(std::chrono::milliseconds how_long);

  void finish_sending();  // half-close
  void reset();           // RST instead of FIN
  void close() noexcept { fd_.reset(); }

  // "127.0.0.1:40112": this end, as the server names the client.
  std::string local_address() const;
  // The dialog: one line for each send and each piece received.
  const std::string& transcript() const noexcept { return transcript_; }

 private:
  enum class Got { bytes, end, reset, nothing };
  Got fill(std::chrono::steady_clock::time_point deadline);
  // The same; a reset, and nothing at all, are errors.
  bool fill_or_fail(std::string_view awaited, std::chrono::steady_clock::time_point deadline);
  std::string take(std::size_t count);
  void note(std::string_view direction, std::string_view bytes);
  [[noreturn]] void fail(const std::string& what) const;
  std::chrono::steady_clock::time_point deadline() const { return std::chrono::steady_clock::now() + patience_; }

  UniqueFd fd_;
  std::chrono::milliseconds patience_ = kPatience;
  std::string received_;  // and not yet asked for
  std::string transcript_;
};

}  // namespace usher::testing
