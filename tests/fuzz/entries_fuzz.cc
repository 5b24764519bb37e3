// The lines of JSON that `usher queue import` reads: each is refused with a reason, or is an entry that is exported as
// it was imported; what a queue has no room for is refused by the queue.
#include <sstream>

#include "cli/queue_view.h"
#include "dataqueue/entry_time.h"
#include "dataqueue/library_transaction.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temporary_directory.h"

using namespace usher;

namespace {

struct Queues {
  testing::TemporaryDirectory directory;
  Library library{directory.path("fuzz.db"), {.create = true, .durability = Durability::process}};
  DataQueue fifo = library.create_queue("FIFO", {.max_length = 64, .sender_id = true});
  DataQueue keyed = library.create_queue("KEYED", {.sequence = Sequence::keyed, .key_length = 4});
};

std::string json_of(const Entry& entry) {
  std::ostringstream json;
  print(entry, EntryForm::json, json);
  return json.str();
}

void check_line(const std::string& line, const Queues& queues, Transaction& transaction) {
  const Entry entry = parse_entry(line);
  const Entry again = parse_entry(json_of(entry));
  fuzz::demand(again.data == entry.data && again.key == entry.key && again.deliveries == entry.deliveries,
               "an entry is imported as it was exported");
  fuzz::demand(microseconds_of(again.enqueued) == microseconds_of(entry.enqueued),
               "the time of an entry is imported as it was exported");
  restore(transaction, entry.key.empty() ? queues.fifo : queues.keyed, entry);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Queues queues;
  fuzz::Input input(data, size);
  Transaction transaction(queues.library);
  while (!input.empty()) {
    try {
      check_line(std::string(input.until('\n')), queues, transaction);
    } catch (const Error&) {
      // Told with the number of the line.
    }
  }
  return 0;
}
