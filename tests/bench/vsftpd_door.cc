#include <filesystem>

#include "tests/bench/front_door.h"
#include "tests/bench/line_session.h"
#include "tests/support/accounts.h"

namespace usher::bench {
namespace {

constexpr const char* kEmptyDirectory = "/run/vsftpd-empty";

// What Debian's vsftpd.conf says, and beside it what lifts limits and keeps it to the run's own directories.
std::string configuration(const BenchGround& ground, std::uint16_t port) {
  return "listen=YES\nlisten_ipv6=NO\nbackground=NO\nlisten_address=127.0.0.1\nlisten_port=" + std::to_string(port) +
         "\nanonymous_enable=NO\nlocal_enable=YES\ndirmessage_enable=YES\nuse_localtime=YES\nxferlog_enable=YES\n"
         "connect_from_port_20=YES\nssl_enable=NO\nmax_clients=0\nmax_per_ip=0\npam_service_name=" +
         kPamService + "\nsecure_chroot_dir=" + kEmptyDirectory + "\nvsftpd_log_file=" + ground.path("vsftpd.log") +
         "\nseccomp_sandbox=NO\n";  // its filter is older than this kernel
}

class Vsftpd : public FrontDoor {
 public:
  Vsftpd(const std::string& file, std::uint16_t port)
      : FrontDoor({installed("/usr/sbin/vsftpd"), file}), port_(port) {
    wait_until_listening(port);
  }

  std::string name() const override { return "vsftpd"; }
  std::string work() const override { return "FTP login, QUIT"; }

  NewSession sessions(const std::string& account) const override {
    auto steps = login(account);
    steps.back().answer = "QUIT\r\n";
    steps.push_back({"221 ", ""});
    return line_sessions(port_, {steps});
  }
  NewSession idle_sessions(const std::string& account) const override { return line_sessions(port_, {login(account), false}); }
  NewSession greetings() const override { return line_sessions(port_, {{{"220 ", ""}}, false}); }

 private:
  static std::vector<Step> login(const std::string& account) {
    return {{"220 ", "USER " + account + "\r\n"}, {"331 ", "PASS " + testing::password_of(account) + "\r\n"}, {"230 ", ""}};
  }

  std::uint16_t port_;
};

}  // namespace

FrontDoorPtr start_vsftpd(const BenchGround& ground) {
  const std::uint16_t port = free_port();
  std::filesystem::create_directory(kEmptyDirectory);
  return std::make_unique<Vsftpd>(ground.write("vsftpd.conf", configuration(ground, port)), port);
}

}  // namespace usher::bench
