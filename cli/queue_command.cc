#include "cli/queue_command.h"

#include <Poco/Util/Option.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>

#include "base/text.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/queue_place.h"
#include "cli/queue_view.h"
#include "dataqueue/follower.h"
#include "dataqueue/library_transaction.h"
#include "dataqueue/queue_record.h"

namespace usher {
namespace {

using Poco::Util::Option;

template <class Number>
Number number_of(const CommandLine& line, const char* option, Number usual) {
  const auto text = line.value(option);
  if (!text) return usual;
  Number number{};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) {
    throw UsageError(std::string("--") + option + " takes a number that is not too large, not \"" + *text + '"');
  }
  return number;
}

Sequence sequence_of(const CommandLine& line) {
  const std::string name = line.value("sequence").value_or("fifo");
  if (const auto sequence = sequence_named(name)) return *sequence;
  throw UsageError("--sequence takes fifo, lifo or keyed, not \"" + name + '"');
}

Wait wait_of(const CommandLine& line) {
  return Wait(std::chrono::duration<double>(number_of(line, "wait", 0.0)));
}

std::optional<Key> key_of(const CommandLine& line) {
  if (line.has("key") && line.has("key-hex")) throw UsageError("--key and --key-hex exclude each other");
  if (const auto text = line.value("key")) return Key::text(*text);
  if (const auto hex = line.value("key-hex")) return Key::bytes(bytes_of_hex(*hex, "--key-hex"));
  return std::nullopt;
}

KeyOrder order_of(const CommandLine& line) {
  constexpr std::array<std::string_view, 6> kOrders{"eq", "ne", "lt", "le", "gt", "ge"};
  const std::string name = line.value("order").value_or("eq");
  const auto* const found = std::find(kOrders.begin(), kOrders.end(), name);
  if (found == kOrders.end()) throw UsageError("--order takes eq, ne, lt, le, gt or ge, not \"" + name + '"');
  return static_cast<KeyOrder>(found - kOrders.begin());
}

std::optional<KeySelection> selection_of(const CommandLine& line) {
  const auto key = key_of(line);
  if (!key && line.has("order")) throw UsageError("--order needs --key or --key-hex");
  return key ? std::optional(KeySelection{order_of(line), *key}) : std::nullopt;
}

EntryForm form_of(const CommandLine& line) {
  if (line.has("json")) return EntryForm::json;
  return line.has("hex") ? EntryForm::hex : EntryForm::bytes;
}

DataQueue queue_at(const QueuePlace& place) {
  return Library(place.library).queue(place.queue);
}

DataQueue queue_of(const CommandLine& line) {
  return queue_at(place_of(line, line.operands()[1]));
}

std::string read_all(std::istream& in, const std::string& name) {
  std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) throw Error(ErrorCode::io, "read " + name);
  return bytes;
}

// From the command line, a file, or standard input.
std::string data_of(const CommandLine& line) {
  const auto file = line.value("file");
  if (line.operands().size() == 3) {
    if (file) throw UsageError("DATA and --file exclude each other");
    return line.operands()[2];
  }
  if (!file) return read_all(std::cin, "standard input");
  std::ifstream in(*file, std::ios::binary);
  if (!in) throw Error(ErrorCode::io, "open " + *file, errno);
  return read_all(in, *file);
}

void check_written() {
  if (!std::cout.flush()) throw Error(ErrorCode::io, "write to standard output");
}

int create(const CommandLine& line) {
  QueueAttributes attributes;
  attributes.sequence = sequence_of(line);
  attributes.key_length = number_of(line, "key-length", attributes.key_length);
  attributes.max_length = number_of(line, "max-length", attributes.max_length);
  attributes.max_entries = number_of(line, "max-entries", attributes.max_entries);
  attributes.max_deliveries = number_of(line, "max-deliveries", attributes.max_deliveries);
  attributes.dead_letter = line.value("dead-letter").value_or("");
  attributes.text = line.value("text").value_or("");
  attributes.sender_id = line.has("sender-id");
  attributes.force = line.has("force");
  const QueuePlace place = place_of(line, line.operands()[1]);
  Library(place.library, {.create = true}).create_queue(place.queue, attributes);
  return status::kDone;
}

int delete_queue(const CommandLine& line) {
  const QueuePlace place = place_of(line, line.operands()[1]);
  Library(place.library).delete_queue(place.queue);
  return status::kDone;
}

void print_table(const std::vector<QueueDescription>& queues) {
  constexpr int kName = 12;
  constexpr int kNumber = 10;
  for (const QueueDescription& queue : queues) {
    std::cout << std::left << std::setw(kName) << queue.name << std::setw(kNumber) << name_of(queue.attributes.sequence)
              << std::right << std::setw(kNumber) << queue.entries << "  " << printable(queue.attributes.text) << '\n';
  }
}

int list(const CommandLine& line) {
  const auto operand = line.operands().size() == 2 ? std::optional(line.operands()[1]) : std::nullopt;
  const std::vector<std::string> files = libraries_of(line, operand);
  for (const std::string& file : files) {
    const std::vector<QueueDescription> queues = Library(file).queues();
    if (line.has("json")) {
      for (const QueueDescription& queue : queues) print_json(queue, file, std::cout);
      continue;
    }
    if (files.size() > 1) std::cout << printable(file) << ":\n";
    print_table(queues);
  }
  return status::kDone;
}

int describe(const CommandLine& line) {
  const QueuePlace place = place_of(line, line.operands()[1]);
  const QueueDescription description = queue_at(place).describe();
  (line.has("json") ? print_json : print_details)(description, place.library, std::cout);
  return status::kDone;
}

int send(const CommandLine& line) {
  const auto key = key_of(line);
  DataQueue queue = queue_of(line);
  const std::string data = data_of(line);
  if (key)
    queue.send(data, *key);
  else
    queue.send(data);
  return status::kDone;
}

// Printed first, removed then: an entry that cannot be printed is not lost.
int receive(const CommandLine& line) {
  const auto which = selection_of(line);
  const Wait wait = wait_of(line);
  DataQueue queue = queue_of(line);
  auto lease = which ? queue.lease(*which, wait) : queue.lease(wait);
  if (!lease) return status::kNothing;
  print(lease->entry(), form_of(line), std::cout);
  check_written();
  lease->complete();
  return status::kDone;
}

int peek(const CommandLine& line) {
  const auto which = selection_of(line);
  const Wait wait = wait_of(line);
  DataQueue queue = queue_of(line);
  const auto entry = which ? queue.peek(*which, wait) : queue.peek(wait);
  if (!entry) return status::kNothing;
  print(*entry, form_of(line), std::cout);
  return status::kDone;
}

int clear(const CommandLine& line) {
  const auto which = selection_of(line);
  DataQueue queue = queue_of(line);
  std::cout << (which ? queue.clear(*which) : queue.clear()) << '\n';
  return status::kDone;
}

int watch(const CommandLine& line) {
  Follower follower(queue_of(line));
  while (true) {
    for (const Entry& entry : follower.wait(Wait::for_ever())) print(entry, form_of(line), std::cout);
    check_written();
  }
}

// In the order of sending, so that an import gives the same queue; a keyed one in the order of its keys.
int export_entries(const CommandLine& line) {
  DataQueue queue = queue_of(line);
  const bool newest_first = queue.attributes().sequence == Sequence::lifo;
  for (const Entry& entry : queue.list({.reverse = newest_first})) print(entry, EntryForm::json, std::cout);
  return status::kDone;
}

std::vector<Entry> parse_entries(std::istream& in) {
  std::vector<Entry> entries;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    try {
      entries.push_back(parse_entry(line));
    } catch (const Error& error) {
      throw Error(error.code(), "line " + std::to_string(number) + ": " + error.what());
    }
  }
  return entries;
}

// All of them or, after an error, none.
int import_entries(const CommandLine& line) {
  const auto file = line.value("file");
  std::ifstream in;
  if (file) in.open(*file);
  if (!in) throw Error(ErrorCode::io, "open " + *file, errno);
  const std::vector<Entry> entries = parse_entries(file ? in : std::cin);
  DataQueue queue = queue_of(line);
  Transaction transaction(queue.library());
  for (const Entry& entry : entries) restore(transaction, queue, entry);
  transaction.commit();
  std::cout << entries.size() << '\n';
  return status::kDone;
}

struct Subcommand {
  std::string_view name;
  std::size_t most_operands;  // its own name included
  int (*run)(const CommandLine& line);
};

constexpr std::array kSubcommands{
    Subcommand{"create", 2, create},
    Subcommand{"delete", 2, delete_queue},
    Subcommand{"list", 2, list},
    Subcommand{"describe", 2, describe},
    Subcommand{"send", 3, send},
    Subcommand{"receive", 2, receive},
    Subcommand{"peek", 2, peek},
    Subcommand{"clear", 2, clear},
    Subcommand{"watch", 2, watch},
    Subcommand{"export", 2, export_entries},
    Subcommand{"import", 2, import_entries},
};

}  // namespace

Poco::Util::OptionSet queue_options() {
  auto options = configuration_and_json_options();
  const auto add = [&](const char* name, const char* letter, const char* help, const char* argument) {
    options.addOption(Option(name, letter, help, false, argument, true));
  };
  const auto add_flag = [&](const char* name, const char* help) { options.addOption(Option(name, "", help)); };
  add("library", "l", "the library's file, else $USHER_LIBRARY, else LIBRARY/ before the name", "FILE");
  add("sequence", "", "create: fifo (when not given), lifo or keyed", "S");
  add("key-length", "", "create: of the keys, 1 to 256 bytes", "N");
  add("max-length", "", "create: of an entry, 1 to 64512 bytes", "N");
  add("max-entries", "", "create: more are refused; 0: no limit", "N");
  add_flag("sender-id", "create: keep who sent an entry");
  add_flag("force", "create: send and receive wait for the disk");
  add("text", "", "create: what the queue is for, up to 50 characters", "T");
  add("max-deliveries", "", "create: under a lease; then the entry goes to the dead-letter queue", "N");
  add("dead-letter", "", "create: the queue for what was delivered too often", "NAME");
  add("file", "f", "send, import: read this file", "FILE");
  add("key", "k", "a key as text, padded with zero bytes", "K");
  add("key-hex", "", "a key as bytes", "H");
  add("order", "o", "receive, peek, clear: eq (when not given), ne, lt, le, gt or ge the key", "O");
  add("wait", "w", "receive, peek: this long for an entry; -1 is for ever", "SECONDS");
  add_flag("hex", "receive, peek, watch: print the entry in hexadecimal");
  return options;
}

int queue_command(std::span<const std::string> arguments) {
  const CommandLine line(queue_options(), arguments);
  if (line.operands().empty()) throw UsageError("a subcommand is missing");
  const std::string& name = line.operands()[0];
  const auto* const found = std::find_if(kSubcommands.begin(), kSubcommands.end(),
                                         [&](const Subcommand& subcommand) { return subcommand.name == name; });
  if (found == kSubcommands.end()) throw UsageError("there is no \"" + name + "\" of queues");
  line.check_operands(found->run == list ? 1 : 2, found->most_operands);
  return found->run(line);
}

}  // namespace usher
