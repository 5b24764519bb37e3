// The servers that are measured, each started for the run on a port of 127.0.0.1 and ended with its object.
//
// Model:  all of them log in the same accounts of private_etc.sh by one PAM service, made here: pam_unix for auth and
// account,
//         pam_permit for the session. What they write goes below a directory that ends with the run, or to /run, over
//         which a tmpfs is mounted.
// Source: the settings of the peers are those their manuals give for many logins from one address.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/bench/session.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace usher::bench {

inline constexpr const char* kPamService = "usher-bench";

// Not a failure: this machine, or this user, cannot do it.
struct CannotRun : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Where the servers run.
class BenchGround {
 public:
  // Errors: CannotRun when this is not root in the private /etc.
  explicit BenchGround(bool dynamic_program = false);

  std::string path(std::string_view name) const { return directory_.path(name); }
  std::string write(std::string_view name, std::string_view text) const { return directory_.write(name, text); }
  // A copy of the program `say` of tests/support that any user can execute. It is linked statically, so that what is measured is the
  // front door and not the dynamic linker, or dynamically where that is asked for, or where there is no musl-gcc.
  const std::string& say() const noexcept { return say_; }
  // How it is linked, in words.
  const std::string& program() const noexcept { return program_; }

 private:
  testing::TemporaryDirectory directory_;
  std::string say_;
  std::string program_;
};

class FrontDoor {
 public:
  explicit FrontDoor(const std::vector<std::string>& command, const testing::ProcessOptions& options = {})
      : process_(command, options) {}
  FrontDoor(const FrontDoor&) = delete;
  FrontDoor& operator=(const FrontDoor&) = delete;
  virtual ~FrontDoor();

  virtual std::string name() const = 0;
  // "127.0.0.1:PORT", for who speaks with it without the sessions below; else empty.
  virtual std::string address() const { return {}; }
  // What a session is made of, in a few words.
  virtual std::string work() const = 0;
  // Whole sessions of an account.
  virtual NewSession sessions(const std::string& account) const = 0;
  // Sessions that are logged in, have their program, and stay so.
  virtual NewSession idle_sessions(const std::string& account) const = 0;
  // Connections that go with the server's first line.
  virtual NewSession greetings() const = 0;

  testing::Process& process() noexcept { return process_; }

 protected:
  // Errors: std::runtime_error, with what the server said, when nothing listens there in time.
  void wait_until_listening(std::uint16_t port);

 private:
  testing::Process process_;
};

using FrontDoorPtr = std::unique_ptr<FrontDoor>;

// How many workers Usher keeps; the words are those of its configuration.
struct PoolSize {
  unsigned initial = 8;
  unsigned threshold = 8;
  unsigned additional = 4;
};

// `keys`: more lines of the listener's configuration.
FrontDoorPtr start_usher(const BenchGround& ground, const PoolSize& size = {}, const std::string& keys = "");

enum class DovecotMode { high_security, high_performance };
FrontDoorPtr start_dovecot(const BenchGround& ground, DovecotMode mode);
FrontDoorPtr start_vsftpd(const BenchGround& ground);
FrontDoorPtr start_sshd(const BenchGround& ground);

// A port that nobody has at this moment.
std::uint16_t free_port();

// The program's path. Errors: CannotRun when it is not installed.
std::string installed(const std::string& path);

}  // namespace usher::bench
