#include <filesystem>

#include "tests/bench/front_door.h"
#include "tests/bench/line_session.h"
#include "tests/support/accounts.h"

namespace usher::bench {
namespace {

// Source: Dovecot's manual, "Login processes".
std::string login_service(DovecotMode mode) {
  return mode == DovecotMode::high_security
             ? "  service_count = 1\n  process_limit = 3000\n"
             : "  service_count = 0\n  process_min_avail = 2\n  client_limit = 5000\n";
}

std::string short_name(DovecotMode mode) { return mode == DovecotMode::high_security ? "dovecot-hs" : "dovecot-hp"; }

std::string configuration(const BenchGround& ground, DovecotMode mode, std::uint16_t port) {
  return "protocols = imap\nlisten = 127.0.0.1\nssl = no\ndisable_plaintext_auth = no\nbase_dir = /run/" + short_name(mode) +
         "\nstate_dir = " + ground.path(short_name(mode)) + "\ninstance_name = " + short_name(mode) +
         "\nlog_path = " + ground.path(short_name(mode) + ".log") +
         "\nmail_location = maildir:~/Maildir\nmail_max_userip_connections = 0\ndefault_client_limit = 10000\n"
         "passdb {\n  driver = pam\n  args = " +
         kPamService + "\n}\nuserdb {\n  driver = passwd\n}\nservice imap-login {\n  inet_listener imap {\n    port = " +
         std::to_string(port) + "\n  }\n  inet_listener imaps {\n    port = 0\n  }\n" + login_service(mode) +
         "}\nservice imap {\n  process_limit = 5000\n}\n";
}

class Dovecot : public FrontDoor {
 public:
  Dovecot(const std::string& file, DovecotMode mode, std::uint16_t port)
      : FrontDoor({installed("/usr/sbin/dovecot"), "-F", "-c", file}), mode_(mode), port_(port) {
    wait_until_listening(port);
  }

  std::string name() const override {
    return mode_ == DovecotMode::high_security ? "Dovecot, high security" : "Dovecot, high performance";
  }
  std::string work() const override { return "IMAP login, logout"; }

  NewSession sessions(const std::string& account) const override {
    return line_sessions(port_, {{{"* OK", login(account)}, {"a OK", "b LOGOUT\r\n"}, {"b OK", ""}}});
  }
  NewSession idle_sessions(const std::string& account) const override {
    return line_sessions(port_, {{{"* OK", login(account)}, {"a OK", ""}}, false});
  }
  NewSession greetings() const override { return line_sessions(port_, {{{"* OK", ""}}, false}); }

 private:
  static std::string login(const std::string& account) {
    return "a LOGIN " + account + " " + testing::password_of(account) + "\r\n";
  }

  DovecotMode mode_;
  std::uint16_t port_;
};

}  // namespace

FrontDoorPtr start_dovecot(const BenchGround& ground, DovecotMode mode) {
  const std::uint16_t port = free_port();
  std::filesystem::create_directory(ground.path(short_name(mode)));
  const std::string file = ground.write(short_name(mode) + ".conf", configuration(ground, mode, port));
  return std::make_unique<Dovecot>(file, mode, port);
}

}  // namespace usher::bench
