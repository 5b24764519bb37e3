// A running Usher of a test's own: configuration, directories and listeners nobody else has.
//
//   Installation usher({.programs = shell_program("who", "id -un")});
//   Client client(usher.address());
//   log_in(client, usual_account(), "who");
//
// Model:  `usher start --foreground` in a temporary directory, on ports that the kernel picks; stopped and gone with
// the test. Errors: std::runtime_error with the log when it does not start.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/client.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace usher::testing {

struct Setting {
  std::string programs{};  // TOML: [program.NAME] tables
  std::string listener{};  // TOML: more keys of the listener "generic"
  std::string pool{};      // TOML: more keys of the pool "generic"
  std::string more{};      // TOML: further tables
  std::string server{};    // TOML: more keys of [server]
  std::string address = "127.0.0.1:0";
  std::string pam_service = "usher-test";
  std::string pam_directory = "/etc/pam.d";
  std::string refusal_time = "50ms";
};

// With a pool that always comes back to the same number of ready workers.
inline constexpr std::size_t kSteadyWorkers = 4;
Setting steady(Setting setting);

// Writes usher.toml into the directory, with its runtime and state directories there; gives its path.
std::string write_configuration(const TemporaryDirectory& directory, const Setting& setting);

// A line of --json: values as text.
using Row = std::map<std::string, std::string>;
using JobRow = Row;

class Installation {
 public:
  explicit Installation(const Setting& setting, const std::vector<std::string>& before = {});
  ~Installation();
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;

  // Of the listener, as a Client takes it: of one that was there at the start, or of any that is there now.
  std::string address(const std::string& listener = "generic") const;
  std::string present_address(const std::string& listener) const;
  const TemporaryDirectory& directory() const noexcept { return directory_; }
  std::string configuration() const { return directory_.path("usher.toml"); }
  Process& process() noexcept { return *process_; }
  pid_t starter() const noexcept { return process_->pid(); }
  std::string log() const { return process_->error_output(); }
  bool wait_for_log(const std::string& text) { return process_->wait_for_error_text(text); }

  // Other words in usher.toml, which nobody reads before a reload.
  void rewrite(const Setting& setting) const { write_configuration(directory_, setting); }

  // `usher WORDS...` on this installation.
  Result usher(std::vector<std::string> words) const;
  Result reload() const { return usher({"reload"}); }
  std::vector<Row> status() const;
  std::vector<JobRow> jobs(bool all = false) const;
  std::vector<JobRow> jobs_with(const std::string& key, const std::string& value) const;
  // The row of the client that is at the other end of this connection, once there is one.
  JobRow job_of(const Client& client) const;
  // The pid of the only process of that program: "usher-pool", "usher-listener".
  pid_t service(const std::string& name) const;
  // There is one, and it is not that one.
  bool has_new_service(const std::string& name, pid_t before) const;

  // The registry and the processes agree, nobody has a client, and `initial` workers are ready.
  bool is_calm(std::size_t ready = 3) const;

 private:
  void start(const std::vector<std::string>& before);

  TemporaryDirectory directory_;
  std::optional<Process> process_;
};

// `usher start` in the background, stopped and gone with the test, whatever the test finds.
class Background {
 public:
  // Shape: `before` is put before the command, to start it somewhere else.
  explicit Background(std::string configuration, std::vector<std::string> before = {});
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  const Result& start() const noexcept { return start_; }
  // Of the starter; 0 when it did not start.
  pid_t pid() const noexcept { return pid_; }
  Result usher(std::vector<std::string> words) const;

 private:
  std::string configuration_;
  Result start_;
  pid_t pid_ = 0;
};

std::string shell_program(const std::string& name, const std::string& script, const std::string& more = "");

// 100, 101, 102, 110. The password is that of the test account.
void log_in(Client& client, const std::string& user, const std::string& program);

// Everything of a login and its program, to the end of the connection.
std::string run_program(const std::string& address, const std::string& user, const std::string& program);

}  // namespace usher::testing
