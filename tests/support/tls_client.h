// A client with TLS as a test drives it: line by line, with every wait bounded.
//
// Errors: std::runtime_error for a handshake that fails, and for every line, end or wait that is not the expected one.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "tests/support/wait_until.h"
#include "tls/client.h"
#include "tls/connection.h"

namespace usher::testing {

class TlsClient {
 public:
  using Prepare = std::function<void(SSL*)>;
  // Takes over a connected socket and shakes hands. The server may be anybody unless `trust` says otherwise.
  explicit TlsClient(UniqueFd fd, const tls::ServerTrust& trust = {"127.0.0.1", "", true}, const Prepare& prepare = {});

  int fd() const noexcept { return fd_.get(); }
  tls::Connection& connection() noexcept { return connection_; }

  void send(std::string_view bytes);
  void send_line(std::string_view text);
  std::string read_line();
  std::string expect_line(int code);
  void answer(int code, std::string_view line);
  std::string read_bytes(std::size_t count);
  // To the end, which must be a close_notify.
  std::string read_until_closed();
  // The connection ends without one.
  bool is_cut();
  // close_notify, and no more; the socket's sending side stays open.
  void finish_sending();
  void close() noexcept { fd_.reset(); }

 private:
  enum class Got { bytes, end, cut };
  Got fill();
  void wait(tls::Did did) const;

  UniqueFd fd_;
  tls::Connection connection_;
  std::string received_;
};

// The whole dialog of a test account.
void log_in(TlsClient& client, const std::string& user, const std::string& program);

}  // namespace usher::testing
