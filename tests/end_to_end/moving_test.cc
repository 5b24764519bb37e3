// Listeners come, move and go while clients come all the time: whoever has connected is served.
#include <doctest/doctest.h>

#include <mutex>
#include <optional>
#include <thread>

#include "tests/end_to_end/installation.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

constexpr int kRounds = 8;

// Where a listener is now; nowhere at times.
class Whereabouts {
 public:
  void are(const std::string& address) {
    const std::lock_guard lock(mutex_);
    address_ = address;
  }
  std::string now() const {
    const std::lock_guard lock(mutex_);
    return address_;
  }
  // Whoever finds nobody there any more asks again. Nobody when it is nowhere.
  std::optional<Client> connect() const {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (true) try {
        const std::string address = now();
        if (address.empty()) return std::nullopt;
        return Client(address);
      } catch (const std::system_error& error) {
        if (error.code().value() != ECONNREFUSED || std::chrono::steady_clock::now() > deadline) throw;
        std::this_thread::sleep_for(1ms);
      }
  }

 private:
  mutable std::mutex mutex_;
  std::string address_;
};

void expect(const std::string& said, const std::string& wanted) {
  if (said.find(wanted) == std::string::npos) throw ClientError("the server said: " + said);
}

void log_in_there(const Whereabouts& listener) {
  Client client = listener.connect().value();
  log_in(client, usual_account(), "who");
  expect(client.read_until_closed(), "103 ");
}

void ask_own_worker(const Whereabouts& listener) {
  Client client = listener.connect().value();
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  expect(client.read_until_closed(), "hello");
}

void run_open_program(const Whereabouts& listener) {
  Client client = listener.connect().value();
  expect(client.read_until_closed(), "hello\n");
}

// Who had connected when it was removed, and had no worker yet, is told so: also when the listener had greeted it already, on
// the way to a worker that had gone.
void visit_guest_house(const Whereabouts& listener) {
  auto at = listener.connect();
  if (!at) return std::this_thread::sleep_for(1ms);
  Client client = std::move(*at);
  const auto is_told = [](const std::string& line) { return line.starts_with("910 "); };
  const std::string first = client.read_line();
  if (is_told(first)) return client.expect_closed();
  expect(first, "100 ");
  client.send_line(usual_account());
  const std::string second = client.read_line();
  if (is_told(second)) return client.expect_closed();
  expect(second, "101 ");
  client.send_line(usual_account() + "-secret");
  client.answer(102, "who");
  expect(client.read_until_closed(), "103 ");
}

std::string listener(const std::string& name, const std::string& address, const std::string& keys) {
  return "[[listener]]\nname = \"" + name + "\"\naddress = \"" + address + "\"\n" + keys + "\n";
}

// In each round everything but the usual listener is somewhere else.
Setting setting_of(int round) {
  const std::string address = "127.0.0." + std::to_string(2 + round % 2) + ":0";
  Setting setting{.programs = std::string(kWho) + "[program.hello]\ncommand = [\"/bin/echo\", \"hello\"]\n",
                  .pool = "initial = 4\nthreshold = 4\nadditional = 2\n"};
  setting.more = listener("second", address, "pool = \"generic\"") + listener("own", address, "pool = \"own\"") +
                 listener("open", address, "login = \"none\"\nprogram = \"hello\"\nuser = \"" + usual_account() + "\"") +
                 (round % 2 == 1 ? listener("guest", "127.0.0.1:0", "pool = \"generic\"") : "") +
                 "[pool.own]\ncommand = [\"" USHER_PROGRAMS "/http_hello\"]\nuser = \"" + usual_account() +
                 "\"\ninitial = 3\nthreshold = 2\nadditional = 1\n";
  return setting;
}

}  // namespace

TEST_CASE("moving: under constant load listeners are added, moved and removed, and nobody who has connected is lost") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(setting_of(0));
  Whereabouts generic, second, own, open, guest;
  const auto look = [&](int round) {
    generic.are(usher.present_address("generic"));
    second.are(usher.present_address("second"));
    own.are(usher.present_address("own"));
    open.are(usher.present_address("open"));
    guest.are(round % 2 == 1 ? usher.present_address("guest") : "");
  };
  look(0);
  Visitors at_generic(1, [&] { log_in_there(generic); });
  Visitors at_second(1, [&] { log_in_there(second); });
  Visitors at_own(2, [&] { ask_own_worker(own); });
  Visitors at_open(2, [&] { run_open_program(open); });
  Visitors at_guest(1, [&] { visit_guest_house(guest); });
  const std::vector<std::pair<std::string, Visitors*>> all{
      {"generic", &at_generic}, {"second", &at_second}, {"own", &at_own}, {"open", &at_open}, {"guest", &at_guest}};
  for (int round = 1; round <= kRounds; ++round) {
    CAPTURE(round);
    usher.rewrite(setting_of(round));
    const Result reload = usher.reload();
    REQUIRE_MESSAGE(reload.ending.code == 0, reload.error_output);
    look(round);
    for (const auto& [name, visitors] : all) {
      CAPTURE(name);
      const int served = visitors->served();
      CHECK(wait_until([&] { return visitors->served() > served + 3; }));
    }
  }
  for (const auto& [name, visitors] : all) {
    CAPTURE(name);
    const Visitors::Tally tally = visitors->stop();
    CHECK(tally.failed == 0);
    CHECK(tally.failure == "");
  }
  CHECK(usher.usher({"check", "--live"}).error_output == "");
}
