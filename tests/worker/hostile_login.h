// A login process in the hands of an attacker: hostile_login.cc has a run_login_process that takes the place of the real one,
// inside the real sandbox, and says to the worker whatever a test wants. The worker must end that connection and nothing else.
//
//   attacker = [](Channel& worker) { lead_into(worker, LoginState::naming); say(worker, bytes_of(StartLogin{"root"})); };
//   WorkerHarness harness(...);
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/channel.h"
#include "tests/support/certificates.h"
#include "worker/login_messages.h"

namespace usher::testing {

using Bytes = std::vector<std::uint8_t>;

// What the login process does; set before the worker is forked.
extern std::function<void(Channel&)> attacker;

template <class M>
Bytes bytes_of(const M& message) {
  const Channel::Encoded encoded(message);
  return {encoded.bytes().begin(), encoded.bytes().end()};
}
Bytes answer(std::string_view text);

void say(const Channel& worker, const Bytes& bytes);
void wait_for(const Channel& worker, WorkerSays kind);
void hear_the_end(const Channel& worker);
// Brings the worker honestly into a state.
void lead_into(const Channel& worker, LoginState state);

struct Attack {
  const char* name;
  Bytes bytes;
  LoginState allowed_in;  // the one state in which this very message is honest
};
// Every message that there is.
std::vector<Attack> attacks();
// 64 blanks and so on: what a server signs.
std::string text_to_sign();

// Of a server "front", for all tests of one run.
const Certificates& certificates();

// The worker's exit status is one of its own.
bool ends_orderly(int status);

}  // namespace usher::testing
