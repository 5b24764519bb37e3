// orders: work for several people, the most urgent first. Who takes an order and does not finish it, or is cut off over
// it, leaves it to the next.
//
//   orders FILE            the orders are in the library FILE, which is made when it is not there
//
//   add 05 six eggs        OK; 00 is the most urgent, 99 the least
//   next [SECONDS]         ORDER 05 six eggs; NOTHING when none came in time
//   done                   OK: the order is finished
//   back                   OK: somebody else may have it
//   list                   an ORDER line for each that waits, then END
//   quit
//
// Model:  a queue with the urgency as its key. An order that is being worked on is under a lease, which ends with this
//         process: another gets the order then. One that was given back or lost five times is in the queue REJECTED.
#include <sys/stat.h>

#include <charconv>

#include "base/text.h"
#include "programs/connection.h"
#include "usher/data_queue.h"

using namespace usher;
using namespace usher::programs;

namespace {

constexpr std::size_t kMaxLine = 1000;
constexpr int kLongestWait = 3600;
const KeySelection kAnyUrgency{KeyOrder::ge, Key::bytes("00")};
const QueueAttributes kByUrgency{.sequence = Sequence::keyed, .key_length = 2, .sender_id = true};

class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void make_if_missing(Library& library, const char* name, const QueueAttributes& attributes) {
  try {
    library.create_queue(name, attributes);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::already_exists) throw;
  }
}

Library open_orders(const std::string& file) {
  Library library(file, {.create = true});
  make_if_missing(library, "REJECTED", kByUrgency);
  QueueAttributes attributes = kByUrgency;
  attributes.force = true;
  attributes.max_deliveries = 5;
  attributes.dead_letter = "REJECTED";
  make_if_missing(library, "ORDERS", attributes);
  return library;
}

void show(const Entry& entry) {
  say("ORDER " + entry.key + " " + printable(entry.data));
}

class Desk {
 public:
  explicit Desk(const std::string& file) : orders_(open_orders(file).queue("ORDERS")) {}

  // False when the client wants to go.
  bool obey(const std::string& line) {
    const std::string verb = line.substr(0, line.find(' '));
    const std::string rest = verb.size() < line.size() ? line.substr(verb.size() + 1) : "";
    if (verb == "quit") return false;
    if (verb == "add") return add(rest);
    if (verb == "next") return next(rest);
    if (verb == "done") return finish(&Lease::complete);
    if (verb == "back") return finish(&Lease::release);
    if (verb == "list") return list();
    throw Refusal("add URGENCY TEXT, next [SECONDS], done, back, list or quit");
  }

 private:
  bool add(const std::string& order) {
    const std::string urgency = order.substr(0, order.find(' '));
    const bool number = urgency.size() == 2 && urgency.find_first_not_of("0123456789") == urgency.npos;
    if (!number || order.size() <= 3) throw Refusal("add takes an urgency from 00 to 99 and a text");
    orders_.send(order.substr(3), Key::bytes(urgency));
    say("OK");
    return true;
  }

  bool next(const std::string& seconds) {
    if (work_) throw Refusal("done or back comes first");
    int wait = 0;
    const auto [end, error] = std::from_chars(seconds.data(), seconds.data() + seconds.size(), wait);
    if (!seconds.empty() && (error != std::errc() || *end != '\0' || wait < 0 || wait > kLongestWait)) {
      throw Refusal("next takes up to 3600 seconds");
    }
    work_ = orders_.lease(kAnyUrgency, std::chrono::seconds(wait));
    if (work_)
      show(work_->entry());
    else
      say("NOTHING");
    return true;
  }

  bool finish(void (Lease::*how)()) {
    if (!work_) throw Refusal("there is no order to finish");
    ((*work_).*how)();
    work_.reset();
    say("OK");
    return true;
  }

  bool list() {
    for (const Entry& entry : orders_.list()) show(entry);
    say("END");
    return true;
  }

  DataQueue orders_;
  std::optional<Lease> work_;
};

void serve(const std::string& file) {
  Desk desk(file);
  say("READY");
  while (flush()) {
    const auto line = read_line(kMaxLine);
    if (!line) return;
    try {
      if (!desk.obey(line->substr(0, kMaxLine))) return;
    } catch (const Refusal& refusal) {
      say("ERR " + std::string(refusal.what()));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  client_may_vanish();
  ::umask(0);  // the orders are for everybody who may enter their directory
  try {
    if (argc != 2) throw Refusal("usage: orders FILE");
    serve(argv[1]);
  } catch (const std::exception& error) {
    say("ERR " + std::string(error.what()));
    flush();
    return 1;
  }
  return flush() ? 0 : 1;
}
