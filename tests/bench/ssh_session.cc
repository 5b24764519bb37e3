#include "tests/bench/ssh_session.h"

#include <sys/epoll.h>

#include <array>
#include <new>

namespace usher::bench {
namespace {

ssh_session make_session(const SshLogin& login) {
  const ssh_session session = ssh_new();
  if (session == nullptr) throw std::bad_alloc();
  const unsigned port = login.port;
  const bool no = false;
  ssh_options_set(session, SSH_OPTIONS_HOST, "127.0.0.1");
  ssh_options_set(session, SSH_OPTIONS_PORT, &port);
  ssh_options_set(session, SSH_OPTIONS_USER, login.user.c_str());
  ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
  ssh_options_set(session, SSH_OPTIONS_KEY_EXCHANGE, "curve25519-sha256");
  ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, "ecdsa-sha2-nistp256");
  ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, "aes128-gcm@openssh.com");
  ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, "aes128-gcm@openssh.com");
  ssh_set_blocking(session, 0);
  return session;
}

}  // namespace

NewSession ssh_sessions(SshLogin login) {
  return [shared = std::make_shared<const SshLogin>(std::move(login))] { return std::make_unique<SshSession>(shared); };
}

SshSession::SshSession(std::shared_ptr<const SshLogin> login) : login_(std::move(login)), session_(make_session(*login_)) {
  ssh_connect(session_.get());  // makes the descriptor
}

int SshSession::fd() const { return ssh_get_fd(session_.get()); }

std::uint32_t SshSession::events() const {
  const bool writes = (ssh_get_poll_flags(session_.get()) & SSH_WRITE_PENDING) != 0;
  return writes ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

Session::State SshSession::go_on() {
  while (true) {
    switch (try_stage()) {
      case Progress::again: return State::under_way;
      case Progress::failed: return State::failed;
      case Progress::forward: break;
    }
    const Stage last = login_->until_closed ? Stage::reading : Stage::requesting;
    if (stage_ == last) return State::done;
    stage_ = static_cast<Stage>(static_cast<int>(stage_) + 1);
  }
}

SshSession::Progress SshSession::try_stage() {
  switch (stage_) {
    case Stage::connecting: return progress(ssh_connect(session_.get()));
    case Stage::authenticating: {
      const int result = ssh_userauth_password(session_.get(), nullptr, login_->password.c_str());
      if (result == SSH_AUTH_SUCCESS) return Progress::forward;
      return result == SSH_AUTH_AGAIN ? Progress::again : Progress::failed;
    }
    case Stage::opening:
      if (channel_ == nullptr) channel_ = ssh_channel_new(session_.get());
      return progress(ssh_channel_open_session(channel_));
    case Stage::requesting: return progress(ssh_channel_request_exec(channel_, login_->command.c_str()));
    case Stage::reading: return read_output();
  }
  return Progress::failed;
}

SshSession::Progress SshSession::read_output() {
  std::array<char, 256> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): libssh fills it
  const int got = ssh_channel_read_nonblocking(channel_, bytes.data(), bytes.size(), 0);
  if (got > 0) has_output_ = true;
  if (ssh_channel_is_eof(channel_) != 0 || got == SSH_EOF) return has_output_ ? Progress::forward : Progress::failed;
  return got >= 0 || got == SSH_AGAIN ? Progress::again : Progress::failed;
}

SshSession::Progress SshSession::progress(int result) {
  if (result == SSH_OK) return Progress::forward;
  return result == SSH_AGAIN ? Progress::again : Progress::failed;
}

std::string SshSession::failure() const { return ssh_get_error(session_.get()); }

}  // namespace usher::bench
