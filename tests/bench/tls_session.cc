#include "tests/bench/tls_session.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "base/system.h"
#include "tests/bench/listening_socket.h"

namespace usher::bench {
namespace {

using tls::require;

SSL_CTX* clients_context() {
  static const tls::Context context = [] {
    tls::Context made(require(SSL_CTX_new(TLS_client_method()), "set up TLS"));
    require(SSL_CTX_set_min_proto_version(made.get(), TLS1_3_VERSION), "choose TLS 1.3");
    SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_OFF);
    return made;
  }();
  return context.get();
}

tls::Ssl new_client() {
  tls::Ssl ssl(require(SSL_new(clients_context()), "begin a connection"));
  SSL_set_connect_state(ssl.get());
  return ssl;
}

class TlsLineSession : public Session {
 public:
  TlsLineSession(std::uint16_t port, std::shared_ptr<const Script> script)
      : fd_(begin_connection(port)), connection_(new_client(), fd_.get()), script_(std::move(script)) {
    const linger at_once{1, 0};
    if (!script_->until_closed) ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

  int fd() const override { return fd_.get(); }
  std::uint32_t events() const override { return shaken_ || greeted_ ? EPOLLIN : EPOLLOUT; }
  std::string failure() const override { return "the end after \"" + last_line_ + "\""; }

  State go_on() override {
    greeted_ = true;
    if (!shaken_) {
      const tls::Did did = connection_.shake_hands();
      if (did == tls::Did::failed) return State::failed;
      if (did != tls::Did::done) return State::under_way;
      shaken_ = true;
    }
    return read();
  }

 private:
  State read() {
    std::array<std::uint8_t, 4096> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): read fills it
    while (true) {
      const tls::Moved moved = connection_.read(bytes);
      if (moved.did == tls::Did::wants_read || moved.did == tls::Did::wants_write) return State::under_way;
      const bool all = next_ == script_->steps.size();
      if (moved.did == tls::Did::ended) return all && script_->until_closed ? State::done : State::failed;
      if (moved.did == tls::Did::failed) return State::failed;
      for (std::size_t i = 0; i < moved.bytes; ++i) {
        if (bytes.at(i) != '\n') {
          line_ += static_cast<char>(bytes.at(i));
        } else if (!take_line()) {
          return State::failed;
        }
      }
      if (!script_->until_closed && next_ == script_->steps.size()) return State::done;
    }
  }

  bool take_line() {
    last_line_ = std::exchange(line_, "");
    if (next_ == script_->steps.size() || !last_line_.starts_with(script_->steps[next_].awaited)) return true;
    const std::string& answer = script_->steps[next_++].answer;
    return answer.empty() || connection_.write(answer).did == tls::Did::done;
  }

  UniqueFd fd_;
  tls::Connection connection_;
  std::shared_ptr<const Script> script_;
  bool greeted_ = false;  // the connection is there
  bool shaken_ = false;
  std::size_t next_ = 0;
  std::string line_, last_line_;
};

[[noreturn]] void shake_hands_for_ever(int listening, const std::string& certificate, const std::string& key) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::signal(SIGPIPE, SIG_IGN);
  const tls::Context context(require(SSL_CTX_new(TLS_server_method()), "set up TLS"));
  require(SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()), "use a certificate");
  require(SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM), "use a key");
  SSL_CTX_set_num_tickets(context.get(), 0);
  while (true) {
    const UniqueFd client(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) continue;
    const tls::Ssl ssl(require(SSL_new(context.get()), "begin a connection"));
    SSL_set_fd(ssl.get(), client.get());
    if (SSL_accept(ssl.get()) != 1) continue;
    SSL_write(ssl.get(), "100\r\n", 5);
    SSL_shutdown(ssl.get());
  }
}

}  // namespace

NewSession tls_line_sessions(std::uint16_t port, Script script) {
  return [port, shared = std::make_shared<const Script>(std::move(script))] {
    return std::make_unique<TlsLineSession>(port, shared);
  };
}

HandshakeServer::HandshakeServer(const std::string& certificate, const std::string& key) {
  const ListeningSocket listening = listen_on_loopback();
  port_ = listening.port;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
    processes_.push_back(check(::fork(), "start a server"));
    if (processes_.back() == 0) shake_hands_for_ever(listening.fd.get(), certificate, key);
  }
}

HandshakeServer::~HandshakeServer() {
  for (const pid_t process : processes_) ::kill(process, SIGKILL);
  for (const pid_t process : processes_) ::waitpid(process, nullptr, 0);
}

}  // namespace usher::bench
