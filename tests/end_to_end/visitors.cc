#include "tests/end_to_end/visitors.h"

#include "tests/end_to_end/installation.h"
#include "tests/support/accounts.h"

namespace usher::testing {
namespace {

void log_in_once(const std::string& address, const std::string& from) {
  Client client(address, from);
  log_in(client, usual_account(), "who");
  const std::string all = client.read_until_closed();
  if (all != usual_account() + "\n\r\n103 The program has ended.\r\n") throw ClientError("the program said: " + all);
}

}  // namespace

Visitors::Visitors(const std::string& address, int count, const std::string& from)
    : Visitors(count, [address, from] { log_in_once(address, from); }) {}

Visitors::Visitors(int count, std::function<void()> visit) : visit_once_(std::move(visit)) {
  for (int i = 0; i < count; ++i) clients_.push_back(std::async(std::launch::async, [this] { this->visit(); }));
}

Visitors::Tally Visitors::stop() {
  going_on_ = false;
  for (const std::future<void>& client : clients_) client.wait();
  return {served_, failed_, failure_};
}

void Visitors::visit() {
  while (going_on_) {
    try {
      visit_once_();
      ++served_;
    } catch (const std::exception& error) {
      ++failed_;
      const std::lock_guard lock(mutex_);
      if (failure_.empty()) failure_ = error.what();
    }
  }
}

}  // namespace usher::testing
