// The dialog: talks to one client, asks one worker. The only part of Usher that reads the network.
//
// Knows:    its client's descriptor and its channel to the worker; no file, no configuration, no other process.
// Believes: the worker's messages (root made it). Of the client nothing: lines are bounded, UTF-8, one at a time.
// Ends:     when the worker closes the channel or says Finish, when the client goes, when the deadline passes (904).
#pragma once

#include <poll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/channel.h"
#include "base/client_stream.h"
#include "worker/line_reader.h"
#include "worker/login_messages.h"
#include "worker/proxy_header.h"

namespace usher {

// A login process's exit status, which the worker believes for log and history alone.
enum class LoginExit { over = 0, failed = 1, bad_input = 2 };

struct ServedClient {
  ServeClient record;
  UniqueFd connection;
};

// Says that the sandbox is up, then waits. None when the worker is gone.
std::optional<ServedClient> wait_for_client(const Channel& worker);

class Dialog {
 public:
  Dialog(Channel& worker, ServedClient client);
  virtual ~Dialog() = default;
  Dialog(const Dialog&) = delete;
  Dialog& operator=(const Dialog&) = delete;

  // Always ends by an orderly close, but for a worker or a client that is gone.
  LoginExit run();

 protected:
  // Thrown to leave the dialog: with a last line, or without one because nobody is there to read it.
  struct Leave {
    std::optional<std::string> last_line;
    LoginExit exit = LoginExit::over;
  };

  // Before the first line.
  virtual void secure() {}
  // The worker's next message while the session is set up: its modules may still talk; then the worker ends this process.
  virtual void hear_of_session();

  template <class M>
  static constexpr std::uint8_t kind_of() {
    return static_cast<std::uint8_t>(M::kKind);
  }
  template <class M>
  void request(const M& message) {
    if (!worker_.send(message)) throw Leave{};
  }
  static Leave bad_input();
  // Until the client is ready. The worker has nothing to say meanwhile but that it is over.
  void wait(short client_events);
  // The worker's next message. Finish never comes out of here: it ends the dialog.
  void wait_for_worker(Packet& packet);
  void let_module_talk(const Packet& packet);

  Channel& worker_;
  ServeClient client_;
  UniqueFd connection_;
  std::unique_ptr<ClientStream> stream_;  // none as long as nothing may be said
  std::size_t descriptors_ = 0;           // that a message of the worker's may bring
  std::string known_user_;                // who need not be asked for

 private:
  void hear_proxy();
  void announce_client(const ProxyHeader& header);
  void log_in();
  void ask_for_user();
  bool let_pam_talk();
  void answer(const Ask& ask);
  void pass_on(const Tell& tell);
  void choose_program();
  void show_programs();
  bool program_is_there();
  void leave_the_rest();
  void swallow_telnet_reply();
  [[noreturn]] void hear_the_end();
  void say(std::string_view line);
  void say_last(std::string_view line);
  Secret read_line();
  bool receive(Packet& packet);
  template <std::size_t N>
  void poll_until_deadline(std::array<pollfd, N>& fds);

  Instant deadline_;
  std::optional<LineReader> lines_;  // once there is somebody to talk to
  bool secret_asked_ = false;
};

}  // namespace usher
