// hello: greets the user by name and says where the connection comes from, what time it is and which job this is.
//
//   Hello, Ada Lovelace.
//   You come from 192.0.2.7, port 40112.
//   It is Friday, 20 November 2026, 11:43:02 UTC.
//   This is job 000123/usher/generic.
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <ctime>

#include "base/text.h"
#include "programs/connection.h"

using namespace usher;
using namespace usher::programs;

namespace {

// The full name is the first part of the account's comment field; without one the user id must do.
std::string name_of_user() {
  const passwd* account = getpwuid(getuid());
  if (account == nullptr) return variable("USER");
  const std::string_view comment(account->pw_gecos);
  const std::string_view full_name = comment.substr(0, comment.find(','));
  return printable(full_name.empty() ? account->pw_name : full_name);
}

std::string time_now() {
  std::array<char, 64> text{};
  const std::time_t now = std::time(nullptr);
  tm local{};
  localtime_r(&now, &local);
  std::strftime(text.data(), text.size(), "%A, %e %B %Y, %H:%M:%S %Z", &local);
  return text.data();
}

}  // namespace

int main() {
  client_may_vanish();
  const std::string address = variable("TCPREMOTEIP");
  const std::string job = variable("USHER_JOB");
  say("Hello, " + name_of_user() + ".");
  if (!address.empty()) say("You come from " + address + ", port " + variable("TCPREMOTEPORT") + ".");
  say("It is " + time_now() + ".");
  if (!job.empty()) say("This is job " + job + ".");
  return flush() ? 0 : 1;
}
