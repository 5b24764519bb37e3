// A client of servers that echo one line: connects, says it, and is done when it has come back and the server has closed.
#pragma once

#include <string>

#include "base/unique_fd.h"
#include "tests/bench/session.h"

namespace usher::bench {

class EchoSession : public Session {
 public:
  // Connects to a port of 127.0.0.1.
  explicit EchoSession(std::uint16_t port);

  int fd() const override { return fd_.get(); }
  std::uint32_t events() const override;
  State go_on() override;
  std::string failure() const override { return "heard \"" + heard_ + "\""; }

 private:
  UniqueFd fd_;
  bool said_ = false;
  std::string heard_;
};

NewSession echo_sessions(std::uint16_t port);

}  // namespace usher::bench
