#include "tests/bench/greeting_server.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string_view>

#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/bench/listening_socket.h"

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
  const ListeningSocket listening = listen_on_loopback();
  port_ = listening.port;
  pid_ = check(::fork(), "start a server");
  if (pid_ == 0) greet_for_ever(listening.fd.get());
}

GreetingServer::~GreetingServer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace usher::bench
