#include "tests/bench/greeting_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string_view>

#include "base/system.h"
#include "base/unique_fd.h"

namespace usher::bench {
namespace {

[[noreturn]] void greet_for_ever(int listening) {
  constexpr std::string_view kGreeting = "100 Enter user id.\r\n";
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  while (true) {
    const UniqueFd client(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    if (client) ::send(client.get(), kGreeting.data(), kGreeting.size(), MSG_NOSIGNAL);
  }
}

}  // namespace

GreetingServer::GreetingServer() {
  const UniqueFd listening(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "make a server"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT: as bind(2) has it
  check(::bind(listening.get(), generic, length), "bind a server");
  check(::listen(listening.get(), SOMAXCONN), "listen");
  check(::getsockname(listening.get(), generic, &length), "find a server's port");
  port_ = ntohs(address.sin_port);
  pid_ = check(::fork(), "start a server");
  if (pid_ == 0) greet_for_ever(listening.get());
}

GreetingServer::~GreetingServer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace usher::bench
