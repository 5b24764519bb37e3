#include <filesystem>

#include "tests/bench/front_door.h"
#include "tests/bench/line_session.h"
#include "tests/bench/ssh_session.h"
#include "tests/support/accounts.h"

namespace usher::bench {
namespace {

std::string configuration(const std::string& host_key, std::uint16_t port) {
  return "ListenAddress 127.0.0.1\nPort " + std::to_string(port) + "\nHostKey " + host_key +
         "\nPidFile none\nLogLevel ERROR\nUsePAM yes\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\n"
         "PubkeyAuthentication no\nUseDNS no\nMaxStartups 10000\nMaxSessions 10000\nLoginGraceTime 120\n";
}

class Sshd : public FrontDoor {
 public:
  Sshd(const std::string& program, const std::string& file, const std::string& say, std::uint16_t port)
      : FrontDoor({program, "-D", "-e", "-f", file}), say_(say), port_(port) {
    wait_until_listening(port);
  }

  std::string name() const override { return "sshd"; }
  std::string work() const override { return "password login, command of one line"; }

  NewSession sessions(const std::string& account) const override {
    return ssh_sessions({port_, account, testing::password_of(account), say_, true});
  }
  NewSession idle_sessions(const std::string& account) const override {
    return ssh_sessions({port_, account, testing::password_of(account), "exec cat", false});
  }
  NewSession greetings() const override { return line_sessions(port_, {{{"SSH-", ""}}, false}); }

 private:
  std::string say_;
  std::uint16_t port_;
};

}  // namespace

// Its own name is the PAM service it asks.
FrontDoorPtr start_sshd(const BenchGround& ground) {
  const std::uint16_t port = free_port();
  const std::string program = ground.path(kPamService);
  const std::string host_key = ground.path("host_key");
  std::filesystem::create_symlink(installed("/usr/sbin/sshd"), program);
  std::filesystem::create_directory("/run/sshd");
  testing::run({"ssh-keygen", "-q", "-t", "ecdsa", "-b", "256", "-N", "", "-f", host_key});
  return std::make_unique<Sshd>(program, ground.write("sshd_config", configuration(host_key, port)), ground.say(), port);
}

}  // namespace usher::bench
