// Sessions of lines inside TLS, and a server that does nothing but shake hands.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/line_session.h"
#include "tls/connection.h"

namespace usher::bench {

// The same as line_sessions, inside TLS 1.3, with a server that may have any certificate. Without a step: a handshake
// alone, and one byte of the server's.
NewSession tls_line_sessions(std::uint16_t port, Script script);

// As many processes as there are processors: each accepts, shakes hands (TLS 1.3), sends a line and closes.
class HandshakeServer {
 public:
  HandshakeServer(const std::string& certificate, const std::string& key);
  ~HandshakeServer();
  HandshakeServer(const HandshakeServer&) = delete;
  HandshakeServer& operator=(const HandshakeServer&) = delete;

  std::uint16_t port() const noexcept { return port_; }

 private:
  std::uint16_t port_ = 0;
  std::vector<pid_t> processes_;
};

}  // namespace usher::bench
