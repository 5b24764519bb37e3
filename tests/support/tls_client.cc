#include "tests/support/tls_client.h"

#include <poll.h>

#include <array>
#include <stdexcept>

namespace usher::testing {
namespace {

tls::Ssl new_ssl(const tls::ServerTrust& trust, const TlsClient::Prepare& prepare) {
  tls::Ssl ssl = tls::new_client_connection(trust);
  if (prepare) prepare(ssl.get());
  return ssl;
}

}  // namespace

TlsClient::TlsClient(UniqueFd fd, const tls::ServerTrust& trust, const Prepare& prepare)
    : fd_(std::move(fd)), connection_(new_ssl(trust, prepare), fd_.get()) {
  for (tls::Did did = connection_.shake_hands(); did != tls::Did::done; did = connection_.shake_hands()) {
    if (did == tls::Did::failed) throw std::runtime_error("no handshake: " + tls::reason_of_failure(connection_.ssl()));
    wait(did);
  }
}

void TlsClient::wait(tls::Did did) const {
  pollfd ready{fd_.get(), static_cast<short>(did == tls::Did::wants_write ? POLLOUT : POLLIN), 0};
  if (::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) <= 0)
    throw std::runtime_error("nothing came: " + received_);
}

void TlsClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const tls::Moved moved = connection_.write(bytes);
    if (moved.did == tls::Did::done) {
      bytes.remove_prefix(moved.bytes);
    } else if (moved.did == tls::Did::failed) {
      throw std::runtime_error("cannot send: " + tls::last_reason());
    } else {
      wait(moved.did);
    }
  }
}

void TlsClient::send_line(std::string_view text) {
  send(std::string(text) + "\r\n");
}

TlsClient::Got TlsClient::fill() {
  std::array<std::uint8_t, 16'384> bytes{};
  while (true) {
    const tls::Moved moved = connection_.read(bytes);
    if (moved.did == tls::Did::ended) return Got::end;
    if (moved.did == tls::Did::failed) return Got::cut;
    if (moved.did == tls::Did::done) {
      received_.append(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(moved.bytes));
      return Got::bytes;
    }
    wait(moved.did);
  }
}

std::string TlsClient::read_bytes(std::size_t count) {
  while (received_.size() < count) {
    if (fill() != Got::bytes) throw std::runtime_error("the end came, awaited were more bytes: " + received_);
  }
  std::string taken = received_.substr(0, count);
  received_.erase(0, count);
  return taken;
}

std::string TlsClient::read_line() {
  std::size_t end = 0;
  while ((end = received_.find('\n')) == std::string::npos) {
    if (fill() != Got::bytes) throw std::runtime_error("the end came, awaited was a line: " + received_);
  }
  std::string line = read_bytes(end + 1);
  line.pop_back();
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::string TlsClient::expect_line(int code) {
  const std::string line = read_line();
  if (!line.starts_with(std::to_string(code) + " "))
    throw std::runtime_error("awaited " + std::to_string(code) + " but got: " + line);
  return line.substr(4);
}

void TlsClient::answer(int code, std::string_view line) {
  expect_line(code);
  send_line(line);
}

std::string TlsClient::read_until_closed() {
  Got got = Got::bytes;
  while (got == Got::bytes) got = fill();
  if (got == Got::cut) throw std::runtime_error("the connection was cut: " + received_);
  return std::exchange(received_, {});
}

bool TlsClient::is_cut() {
  Got got = Got::bytes;
  while (got == Got::bytes) got = fill();
  return got == Got::cut;
}

void TlsClient::finish_sending() {
  connection_.end_sending();
}

void log_in(TlsClient& client, const std::string& user, const std::string& program) {
  client.answer(100, user);
  client.answer(101, user + "-secret");
  client.answer(102, program);
}

}  // namespace usher::testing
