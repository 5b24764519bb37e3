#include "tests/end_to_end/visitors.h"

#include "tests/end_to_end/installation.h"
#include "tests/support/accounts.h"

namespace usher::testing {

Visitors::Visitors(std::string address, int count, std::string from)
    : address_(std::move(address)), from_(std::move(from)) {
  for (int i = 0; i < count; ++i) clients_.push_back(std::async(std::launch::async, [this] { visit(); }));
}

Visitors::Tally Visitors::stop() {
  going_on_ = false;
  for (const std::future<void>& client : clients_) client.wait();
  return {served_, failed_, failure_};
}

void Visitors::visit() {
  while (going_on_) {
    try {
      visit_once();
      ++served_;
    } catch (const std::exception& error) {
      ++failed_;
      const std::lock_guard lock(mutex_);
      if (failure_.empty()) failure_ = error.what();
    }
  }
}

void Visitors::visit_once() const {
  Client client(address_, from_);
  log_in(client, usual_account(), "who");
  const std::string all = client.read_until_closed();
  if (all != usual_account() + "\n\r\n103 The program has ended.\r\n") throw ClientError("the program said: " + all);
}

}  // namespace usher::testing
