// A server that plays one dialog with each client, in a thread of its own.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "base/endpoint.h"
#include "tests/cli/listening_socket.h"
#include "tests/support/client.h"

namespace usher::testing {

class ScriptedServer {
 public:
  // `play` has the server's end of one connection; what it throws ends that connection.
  explicit ScriptedServer(std::function<void(Client&)> play, const std::string& address = "127.0.0.1:0")
      : socket_(listening_socket(address)), play_(std::move(play)), thread_([this] { serve(); }) {}
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    ::shutdown(socket_.get(), SHUT_RDWR);  // accept returns
    thread_.join();
  }

  std::string address() const { return local_end_of(socket_.get()).text(); }

 private:
  void serve() {
    while (true) {
      UniqueFd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd) return;
      Client client(std::move(fd));
      try {
        play_(client);
      } catch (const ClientError&) {
        client.reset();
      }
    }
  }

  UniqueFd socket_;
  std::function<void(Client&)> play_;
  std::thread thread_;
};

// The dialog of a right login, up to the line that names the program, which it gives back.
inline std::string play_login(Client& client, const std::string& user, const std::string& password) {
  client.send_line("100 User:");
  const std::string named = client.read_line();
  client.send_line("101 Password:");
  const std::string secret = client.read_line();
  if (named != user || secret != password) {
    client.send_line("900 Login incorrect.");
    throw ClientError("the login is wrong");
  }
  client.send_line("102 Program:");
  return client.read_line();
}

}  // namespace usher::testing
