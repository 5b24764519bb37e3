#include "tests/bench/front_door.h"
#include "tests/bench/line_session.h"
#include "tests/support/accounts.h"

namespace usher::bench {
namespace {

std::string configuration(const BenchGround& ground, const PoolSize& size, const std::string& keys) {
  return "[server]\nruntime_directory = \"/run/usher\"\nstate_directory = \"" + ground.path("usher-state") +
         "\"\n\n[[listener]]\nname = \"bench\"\naddress = \"127.0.0.1:0\"\npool = \"bench\"\nmax_logins = 2000\n"
         "max_sessions = 4000\npending_timeout = \"60s\"\n" +
         keys + "\n[pool.bench]\npam_service = \"" +
         kPamService + "\"\ninitial = " + std::to_string(size.initial) +
         "\nthreshold = " + std::to_string(size.threshold) + "\nadditional = " + std::to_string(size.additional) +
         "\nmaximum = 4000\n\n[program.say]\ncommand = [\"" + ground.say() +
         "\"]\nusers = [\"*\"]\n\n[program.echo]\ncommand = [\"/bin/cat\"]\nusers = [\"*\"]\nlimits = { processes = "
         "5000 }\n";
}

class Usher : public FrontDoor {
 public:
  explicit Usher(const std::string& file)
      : FrontDoor({USHER_BENCH_COMMAND, "start", "--foreground", "--config", file}) {
    if (!process().wait_for_error_text(": ready ")) throw std::runtime_error("Usher: " + process().error_output());
    const std::string log = process().error_output();
    constexpr std::string_view kBefore = "address=127.0.0.1:";
    port_ = static_cast<std::uint16_t>(std::stoul(log.substr(log.find(kBefore) + kBefore.size())));
  }

  std::string name() const override { return "Usher"; }
  std::string address() const override { return "127.0.0.1:" + std::to_string(port_); }
  std::string work() const override { return "login, program of one line"; }

  NewSession sessions(const std::string& account) const override {
    return line_sessions(port_, {{{"100 ", account + "\r\n"},
                                  {"101 ", testing::password_of(account) + "\r\n"},
                                  {"102 ", "say\r\n"},
                                  {"hello", ""},
                                  {"103 ", ""}}});
  }
  NewSession idle_sessions(const std::string& account) const override {
    return line_sessions(port_, {{{"100 ", account + "\r\n"},
                                  {"101 ", testing::password_of(account) + "\r\n"},
                                  {"102 ", "echo\r\n"},
                                  {"110 ", "here\r\n"},
                                  {"here", ""}},
                                 false});
  }
  NewSession greetings() const override { return line_sessions(port_, {{{"100 ", ""}}, false}); }

 private:
  std::uint16_t port_ = 0;
};

}  // namespace

FrontDoorPtr start_usher(const BenchGround& ground, const PoolSize& size, const std::string& keys) {
  return std::make_unique<Usher>(ground.write("usher.toml", configuration(ground, size, keys)));
}

}  // namespace usher::bench
