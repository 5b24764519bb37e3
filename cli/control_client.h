// The command line's end of control.sock.
#pragma once

#include <functional>
#include <string>

#include "worker/control_messages.h"

namespace usher {

class ControlClient {
 public:
  // Connects. Errors: Error(not_running) when no starter listens there; Error(not_authorized) when it may not be asked.
  explicit ControlClient(const std::string& runtime_directory);

  struct Answers {
    std::function<void(const Fact&)> fact = [](const Fact&) {};
    std::function<void(const std::string&)> progress = [](const std::string&) {};
  };
  // Sends the request and waits for the last word, however long that takes.
  // Errors: Error(not_running) when the starter goes before it.
  template <class M>
  Done call(const M& request, const Answers& answers) {
    if (!channel_.send(request)) gone();
    return wait_done(answers);
  }
  // Returns when the starter is gone.
  void wait_gone();

 private:
  Done wait_done(const Answers& answers);
  [[noreturn]] static void gone();

  Channel channel_;
  UniqueFd starter_;  // its process; none where the kernel does not give one
};

}  // namespace usher
