// A session with sshd: password login, one command, its output to the end.
//
// Model:  libssh, not blocking, with the algorithms that cost both sides least: key exchange X25519, host key ECDSA P-256,
//         AES-128-GCM. OpenSSH would choose a costlier key exchange with a client of its own kind.
#pragma once

#include <libssh/libssh.h>

#include <memory>
#include <string>

#include "tests/bench/session.h"

namespace usher::bench {

struct SshLogin {
  std::uint16_t port;
  std::string user, password, command;
  // Done when the command has ended; else when it was started.
  bool until_closed = true;
};

class SshSession : public Session {
 public:
  explicit SshSession(std::shared_ptr<const SshLogin> login);

  int fd() const override;
  std::uint32_t events() const override;
  State go_on() override;
  std::string failure() const override;

 private:
  enum class Stage { connecting, authenticating, opening, requesting, reading };
  enum class Progress { again, forward, failed };

  Progress try_stage();
  Progress read_output();
  static Progress progress(int result);

  struct FreeSession {
    void operator()(ssh_session session) const noexcept { ssh_free(session); }
  };
  using SessionPtr = std::unique_ptr<ssh_session_struct, FreeSession>;

  std::shared_ptr<const SshLogin> login_;
  SessionPtr session_;
  ssh_channel channel_ = nullptr;  // freed with the session
  Stage stage_ = Stage::connecting;
  bool has_output_ = false;
};

// Sessions that are all alike.
NewSession ssh_sessions(SshLogin login);

}  // namespace usher::bench
