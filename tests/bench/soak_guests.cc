#include "tests/bench/soak_guests.h"

#include <stdexcept>

#include "tests/support/accounts.h"
#include "tests/support/client.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;
using testing::Client;
using testing::ClientError;

constexpr auto kPatience = 20s;  // the longest that a guest may have to wait for a word, and then some
constexpr std::size_t kMostComplaints = 5;
constexpr std::size_t kSilentOnes = 20;
constexpr auto kSilence = 200ms;

std::string name_of_user() { return testing::usual_account(); }
std::string password() { return testing::password_of(testing::usual_account()); }

Client enter(const Addresses& addresses, const std::string& listener) {
  Client client(addresses.at(listener));
  client.set_patience(kPatience);
  return client;
}

struct StrangeAnswer : std::runtime_error {
  explicit StrangeAnswer(const std::string& answer) : std::runtime_error("an answer that makes no sense: " + answer) {}
};

// "910 ..." and the like are an answer, too.
bool is_refusal(const std::string& line) {
  return line.starts_with("910 ") || line.starts_with("904 ") || line.starts_with("911 ");
}

Fate expect_end(Client& client, Fate fate) {
  client.expect_closed();
  return fate;
}

Fate log_in(const Addresses& addresses, const std::string& listener, const std::string& program, const std::string& wanted) {
  Client client = enter(addresses, listener);
  std::string line = client.read_line();
  if (is_refusal(line)) return expect_end(client, Fate::refused);
  if (!line.starts_with("100 ")) throw StrangeAnswer(line);
  client.send_line(name_of_user());
  for (const auto& [code, answer] : {std::pair("101 ", password()), std::pair("102 ", program)}) {
    line = client.read_line();
    if (is_refusal(line)) return expect_end(client, Fate::refused);
    if (!line.starts_with(code)) throw StrangeAnswer(line);
    client.send_line(answer);
  }
  line = client.read_line();
  if (is_refusal(line)) return expect_end(client, Fate::refused);
  if (!line.starts_with("110 ")) throw StrangeAnswer(line);
  const std::string rest = client.read_until_closed();
  const std::string end = "\r\n103 The program has ended.\r\n";
  const std::string whole = wanted + end;
  if (rest == whole) return Fate::served;
  const bool program_was_killed = rest.find("\r\n902 ") != std::string::npos || rest == end;  // or what it had started
  const bool worker_was_killed = whole.starts_with(rest);
  if (!program_was_killed && !worker_was_killed) throw StrangeAnswer(rest);
  return Fate::cut;
}

Fate guess(const Addresses& addresses) {
  Client client = enter(addresses, "generic");
  std::string line = client.read_line();
  for (int tries = 0; tries < 3 && line.starts_with("100 "); ++tries) {
    client.send_line(name_of_user());
    line = client.read_line();
    if (!line.starts_with("101 ")) break;
    client.send_line("wrong");
    line = client.read_line();
    if (!line.starts_with("900 ")) break;
    if (tries == 2) return expect_end(client, Fate::refused);
    line = client.read_line();
  }
  if (!is_refusal(line)) throw StrangeAnswer(line);
  return expect_end(client, Fate::refused);
}

Fate say_nothing(const Addresses& addresses) {
  std::vector<Client> silent;
  for (std::size_t i = 0; i < kSilentOnes; ++i) silent.emplace_back(addresses.at("shared"));
  std::this_thread::sleep_for(kSilence);
  return Fate::served;
}

Fate connect_and_close(const Addresses& addresses, int number) {
  constexpr std::array kListeners{"generic", "shared", "spawn", "own", "open"};
  Client client(addresses.at(kListeners.at(static_cast<std::size_t>(number) % kListeners.size())));
  if (number % 2 == 0) client.reset();
  std::this_thread::sleep_for(2ms);
  return Fate::served;
}

// Somebody who goes in the middle of a program that would run for ever.
Fate hang_up(const Addresses& addresses) {
  Client client = enter(addresses, "generic");
  const std::string line = client.read_line();
  if (is_refusal(line)) return expect_end(client, Fate::refused);
  if (!line.starts_with("100 ")) throw StrangeAnswer(line);
  client.send_line(name_of_user());
  client.answer(101, password());
  client.answer(102, "stay");
  std::this_thread::sleep_for(20ms);
  client.reset();
  return Fate::served;
}

Fate ask_own_worker(const Addresses& addresses) {
  Client client = enter(addresses, "own");
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = client.read_until_closed();
  if (answer.empty()) return Fate::refused;  // whose protocol it is nobody knows: it is closed without a word
  if (!answer.starts_with("HTTP/1.1 200 OK") || !answer.ends_with("hello\n")) throw StrangeAnswer(answer);
  return Fate::served;
}

Fate run_open_program(const Addresses& addresses) {
  Client client = enter(addresses, "open");
  const std::string said = client.read_until_closed();
  if (said.empty()) return Fate::cut;
  if (said != "hello\n") throw StrangeAnswer(said);
  return Fate::served;
}

}  // namespace

void log_in_once(const Addresses& addresses, const std::string& listener) {
  if (log_in(addresses, listener, "who", name_of_user() + "\n") != Fate::served) throw ClientError("a login was not served");
}

void Guests::come() {
  coming_ = true;
  for (const char* listener : {"generic", "shared", "spawn"}) {
    for (const char* program : {"who", "slow"}) {
      add([this, listener, program] { return log_in(addresses_, listener, program, name_of_user() + "\n"); });
    }
  }
  add([this] { return guess(addresses_); });
  add([this] { return say_nothing(addresses_); });
  add([this, number = 0]() mutable { return connect_and_close(addresses_, number++); });
  add([this] { return hang_up(addresses_); });
  add([this] { return ask_own_worker(addresses_); });
  add([this] { return run_open_program(addresses_); });
}

void Guests::leave() {
  coming_ = false;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::array<std::uint64_t, kFates.size()> Guests::fates() const {
  std::array<std::uint64_t, kFates.size()> fates{};
  for (std::size_t i = 0; i < fates.size(); ++i) fates.at(i) = counts_.at(i);
  return fates;
}

std::vector<std::string> Guests::complaints() const {
  const std::lock_guard lock(mutex_);
  return complaints_;
}

void Guests::add(Visit visit) {
  threads_.emplace_back([this, once = std::move(visit)] {
    while (coming_) this->visit(once);
  });
}

void Guests::visit(const Visit& once) {
  Fate fate = Fate::strange;
  std::string what;
  try {
    fate = once();
  } catch (const ClientError& error) {
    what = error.what();
    fate = what.starts_with("nothing came") ? Fate::late : Fate::cut;
  } catch (const std::runtime_error& error) {
    what = error.what();  // nobody listens, say
  }
  ++counts_.at(static_cast<std::size_t>(fate));
  if (fate == Fate::late || fate == Fate::strange) complain(fate, what);
}

void Guests::complain(Fate fate, const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (complaints_.size() < kMostComplaints) complaints_.push_back(std::string(kFates.at(static_cast<std::size_t>(fate))) + ": " + what);
}

}  // namespace usher::bench
