#include "tests/support/client.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "base/system.h"
#include "tests/support/descriptors.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

UniqueFd listen_on(const sockaddr* name, socklen_t length) {
  UniqueFd fd(check(::socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  check(::bind(fd.get(), name, length), "bind");
  check(::listen(fd.get(), 8), "listen");
  return fd;
}

UniqueFd listen_on_loopback() {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return listen_on(reinterpret_cast<const sockaddr*>(&name), sizeof name);
}

std::string address_of(const UniqueFd& listener) {
  sockaddr_in name{};
  socklen_t length = sizeof name;
  check(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &length), "getsockname");
  return "127.0.0.1:" + std::to_string(ntohs(name.sin_port));
}

UniqueFd accept_one(const UniqueFd& listener) {
  return UniqueFd(check(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
}

void say(const UniqueFd& fd, std::string_view text) {
  REQUIRE(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

}  // namespace

TEST_CASE("client: lines of either end are read one by one, and what follows them to the byte") {
  const std::size_t before = open_descriptors();
  {
    const UniqueFd listener = listen_on_loopback();
    Client client(address_of(listener));
    UniqueFd server = accept_one(listener);
    say(server, "100 user:\r\n101 password:\nrest");
    CHECK(client.expect_line(100) == "user:");
    CHECK(client.read_line() == "101 password:");
    CHECK(client.read_bytes(2) == "re");
    client.send_line("hello");
    client.finish_sending();
    Client other_end(std::move(server));
    CHECK(other_end.read_until_closed() == "hello\r\n");
    other_end.close();
    CHECK(client.read_until_closed() == "st");
    CHECK(client.local_address().starts_with("127.0.0.1:"));
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("client: what is not awaited is an error that shows the dialog so far") {
  auto [near, far] = make_stream_pair();
  Client client(std::move(near));
  say(far, "900 login\x1B incorrect\r\n");
  client.send("anna\r\n");
  try {
    client.expect_line(101);
    FAIL("the wrong code was accepted");
  } catch (const ClientError& error) {
    const std::string text = error.what();
    CHECK(text.find("awaited 101") != std::string::npos);
    CHECK(text.find("-> anna\\r\\n") != std::string::npos);
    CHECK(text.find("<- 900 login\\x1B incorrect\\r\\n") != std::string::npos);
  }
}

TEST_CASE("client: silence, an end and a reset are told apart") {
  const UniqueFd listener = listen_on_loopback();
  Client client(address_of(listener));
  Client server(accept_one(listener));
  CHECK(client.is_silent(5ms));
  client.set_patience(5ms);
  CHECK_THROWS_AS(client.read_line(), ClientError);
  client.set_patience(kPatience);
  server.finish_sending();
  client.expect_closed();
  client.reset();
  CHECK(server.is_reset());
}

TEST_CASE("client: it comes from the address it is told to, and speaks over unix sockets") {
  const UniqueFd listener = listen_on_loopback();
  CHECK(Client(address_of(listener), "127.0.0.9").local_address().starts_with("127.0.0.9:"));

  const TemporaryDirectory directory;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  directory.path("socket").copy(name.sun_path, sizeof name.sun_path - 1);
  const UniqueFd local = listen_on(reinterpret_cast<const sockaddr*>(&name), sizeof name);
  Client client("unix:" + directory.path("socket"));
  say(accept_one(local), "100 user:\r\n");
  CHECK(client.expect_line(100) == "user:");
}

TEST_CASE("client: a peer that reads nothing is noticed") {
  auto [near, far] = make_stream_pair();
  Client client(std::move(near));
  client.set_patience(20ms);
  CHECK_THROWS_AS(client.send(std::string(16 << 20, 'x')), ClientError);
}
