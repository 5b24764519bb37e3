// Sessions of protocols in which server and client say lines in turn: Usher, IMAP, FTP.
//
// Model:  a script says what the next line that matters begins with, and what is sent then; other lines pass.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "tests/bench/session.h"

namespace usher::bench {

struct Step {
  std::string awaited;  // how a line begins
  std::string answer;   // sent as it is; may be empty
};

struct Script {
  std::vector<Step> steps;
  // Done when the server closes after the last step; else with the last step, and then the connection is reset.
  bool until_closed = true;
};

class LineSession : public Session {
 public:
  // Connects to a port of 127.0.0.1.
  LineSession(std::uint16_t port, std::shared_ptr<const Script> script);

  int fd() const override { return fd_.get(); }
  std::uint32_t events() const override;
  State go_on() override;
  std::string failure() const override;

 private:
  State take(std::string_view bytes);
  bool take_line();

  UniqueFd fd_;
  std::shared_ptr<const Script> script_;
  std::size_t next_ = 0;
  std::string line_;
  std::string last_line_;
  int error_ = 0;
};

// Sessions by one script.
NewSession line_sessions(std::uint16_t port, Script script);

// A stream socket, not blocking, that connects to a port of 127.0.0.1.
UniqueFd begin_connection(std::uint16_t port);

}  // namespace usher::bench
