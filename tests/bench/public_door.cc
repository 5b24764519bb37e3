#include "tests/bench/public_door.h"

#include <pwd.h>
#include <signal.h>

#include "tests/bench/line_session.h"
#include "tests/support/accounts.h"
#include "tests/support/wait_until.h"

namespace usher::bench {
namespace {

const std::string kUser(testing::account::kNormal);

bool answers(const PublicDoor& door) {
  const auto session = door.sessions()();
  auto state = Session::State::under_way;
  testing::wait_until([&] { return (state = session->go_on()) != Session::State::under_way; });
  return state == Session::State::done;
}

std::string usher_configuration(const BenchGround& ground, std::uint16_t port) {
  return "[server]\nruntime_directory = \"/run/usher\"\nstate_directory = \"" + ground.path("usher-state") +
         "\"\n\n[[listener]]\nname = \"bench\"\nlogin = \"none\"\naddress = \"127.0.0.1:" + std::to_string(port) +
         "\"\nuser = \"" + kUser + "\"\nprogram = \"say\"\nmax_sessions = 2000\n\n[program.say]\ncommand = [\"" +
         ground.say() + "\"]\n";
}

// What its manual gives for many connections from one address; `log_type` as it is without an entry.
std::string xinetd_configuration(const BenchGround& ground, std::uint16_t port) {
  return "defaults\n{\n instances = UNLIMITED\n per_source = UNLIMITED\n cps = 1000000 1\n}\nservice bench\n{\n"
         " type = UNLISTED\n socket_type = stream\n protocol = tcp\n wait = no\n bind = 127.0.0.1\n port = " +
         std::to_string(port) + "\n user = " + kUser + "\n server = " + ground.say() + "\n}\n";
}

}  // namespace

PublicDoor::PublicDoor(std::string name, std::uint16_t port, const std::vector<std::string>& command)
    : name_(std::move(name)), port_(port), process_(command) {
  if (testing::wait_until([this] { return answers(*this); })) return;
  throw std::runtime_error(name_ + " does not answer: " + process_.output() + process_.error_output());
}

PublicDoor::~PublicDoor() {
  process_.signal(SIGTERM);
  process_.wait_for_end(testing::kPatience);
}

NewSession PublicDoor::sessions() const { return line_sessions(port_, {{{"hello", ""}}}); }

PublicDoorPtr start_public_usher(const BenchGround& ground) {
  const std::uint16_t port = free_port();
  const std::string file = ground.write("public.toml", usher_configuration(ground, port));
  return std::make_unique<PublicDoor>(
      "Usher", port, std::vector<std::string>{USHER_BENCH_COMMAND, "start", "--foreground", "--config", file});
}

PublicDoorPtr start_tcpserver(const BenchGround& ground) {
  const std::uint16_t port = free_port();
  const passwd* user = ::getpwnam(kUser.c_str());
  if (user == nullptr) throw CannotRun("there is no user " + kUser);
  return std::make_unique<PublicDoor>(
      "tcpserver", port,
      std::vector<std::string>{installed("/usr/bin/tcpserver"), "-H", "-R", "-l0", "-c2000", "-b", "1024", "-u",
                               std::to_string(user->pw_uid), "-g", std::to_string(user->pw_gid), "127.0.0.1",
                               std::to_string(port), ground.say()});
}

PublicDoorPtr start_xinetd(const BenchGround& ground) {
  const std::uint16_t port = free_port();
  const std::string file = ground.write("xinetd.conf", xinetd_configuration(ground, port));
  return std::make_unique<PublicDoor>(
      "xinetd", port,
      std::vector<std::string>{installed("/usr/sbin/xinetd"), "-dontfork", "-stayalive", "-f", file, "-pidfile",
                               ground.path("xinetd.pid")});
}

}  // namespace usher::bench
