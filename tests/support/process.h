// A program that a test starts: its output is kept, every wait is bounded, and it never outlives the test.
//
//   const Result result = run({"/bin/echo", "hello"});
//   CHECK(result.output == "hello\n");
//
//   Process server({usher, "start", "--foreground"});
//   REQUIRE(server.wait_for_error_text("ready"));
//   server.signal(SIGTERM);
//   CHECK(server.wait().code == 0);
//
// Shape:  output goes to memory, not to a pipe: a test that does not read holds nothing up, and what a program's own
// children
//         still write is seen as well.
// Owns:   the destructor kills (SIGKILL) and reaps the one process that was started, by its pid.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/wait_until.h"

namespace usher::testing {

// How a process ended: by exit with `code`, or by `signal`.
struct Ending {
  std::optional<int> code;
  std::optional<int> signal;
};

struct ProcessOptions {
  std::string input{};                   // standard input, then end of file
  std::optional<int> input_fd{};         // in its place: any descriptor; stays the caller's
  std::optional<int> output_fd{};        // standard output; output() then stays empty
  std::optional<int> error_fd{};         // standard error; likewise
  std::vector<std::string> variables{};  // "NAME=VALUE", added to this process's environment
  bool empty_environment = false;        // `variables` only
  std::string working_directory{};
};

class Process {
 public:
  // Shape: command[0] is a path, or a name that is searched for in PATH.
  explicit Process(const std::vector<std::string>& command, const ProcessOptions& options = {});
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();

  pid_t pid() const noexcept { return pid_; }
  void signal(int number) const;

  std::string output() const;
  std::string error_output() const;
  // Until the text is there; false when it was not within the patience or the process ended without it.
  bool wait_for_text(std::string_view text, std::chrono::milliseconds patience = kPatience);
  bool wait_for_error_text(std::string_view text, std::chrono::milliseconds patience = kPatience);

  // Errors: std::runtime_error with the output so far when it is still there after the patience.
  Ending wait(std::chrono::milliseconds patience = kPatience);
  // Empty when it is still there after the patience.
  std::optional<Ending> wait_for_end(std::chrono::milliseconds patience);

 private:
  bool wait_for(const UniqueFd& stream, std::string_view text, std::chrono::milliseconds patience);

  std::string name_;
  UniqueFd output_;
  UniqueFd error_output_;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::optional<Ending> ending_;
};

struct Result {
  Ending ending;
  std::string output;
  std::string error_output;
};

// Starts it and waits for its end.
Result run(const std::vector<std::string>& command, const ProcessOptions& options = {},
           std::chrono::milliseconds patience = kPatience);

// Two connected stream sockets, close-on-exec: what a program gets as its connection, and the test's end of it.
std::pair<UniqueFd, UniqueFd> make_stream_pair();

}  // namespace usher::testing
