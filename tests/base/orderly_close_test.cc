#include "base/orderly_close.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include "base/endpoint.h"
#include "base/listen_address.h"
#include "base/system.h"
#include "tests/support/client.h"
#include "tests/support/process.h"

using namespace usher;
using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

std::pair<Client, UniqueFd> tcp_pair() {
  const auto any = parse_listen_address("127.0.0.1:0");
  const UniqueFd listening(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  check(::bind(listening.get(), any->address(), any->length), "bind");
  check(::listen(listening.get(), 1), "listen");
  Client client(local_end_of(listening.get()).text());
  return {std::move(client), UniqueFd(check(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"))};
}

}  // namespace

TEST_CASE("orderly close: the last line arrives though the client has sent what nobody read") {
  auto [client, server] = tcp_pair();
  client.send(std::string(100'000, 'x'));
  REQUIRE(send_all(server.get(), "last\r\n", Clock::now() + 1s));
  std::thread closing([fd = std::move(server)]() mutable { close_in_order(std::move(fd)); });
  CHECK(client.read_until_closed() == "last\r\n");
  client.close();
  closing.join();
}

TEST_CASE("orderly close: a client that does not close is waited for, not for long") {
  auto [client, server] = tcp_pair();
  const Instant before = Clock::now();
  close_in_order(std::move(server));
  CHECK(Clock::now() - before >= kLingerTime - 10ms);
  CHECK(Clock::now() - before < 20s);
}

TEST_CASE("orderly close: input is discarded without being copied, to its end") {
  auto [client, server] = tcp_pair();
  client.send(std::string(10'000, 'x'));
  CHECK_FALSE(discard_input(server.get()));
  client.finish_sending();
  CHECK(wait_until([fd = server.get()] { return discard_input(fd); }));
}

TEST_CASE("orderly close: sending waits for room until its deadline only") {
  auto [client, server] = tcp_pair();
  CHECK_FALSE(send_all(server.get(), std::string(5'000'000, 'x'), Clock::now() + 50ms));
  client.reset();
  CHECK(wait_until([fd = server.get()] { return !send_all(fd, "x", Clock::now() + 50ms); }));
}
