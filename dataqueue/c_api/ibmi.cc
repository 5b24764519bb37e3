// The calls of IBM i on top of the library.
#include "usher/ibmi.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "dataqueue/c_api/handles.h"
#include "dataqueue/queue_record.h"

using namespace usher;
using namespace usher::c_api;

namespace {

constexpr std::size_t kName = 10;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::invalid_argument, what);
}

// CHAR(n): ended by a zero byte or `most` characters, without the blanks that pad it.
std::string text_of(const char* field, std::size_t most) {
  if (field == nullptr) return {};
  std::string text(field, ::strnlen(field, most));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

template <std::size_t Size>
void fill(char (&field)[Size], std::string_view text) {
  std::memset(field, ' ', Size);
  std::memcpy(field, text.data(), std::min(Size, text.size()));
}

std::string variable(const char* name, const char* usual) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? usual : value;
}

std::string file_of(const std::string& library) {
  if (library.empty() || library == "*LIBL" || library == "*CURLIB") {
    std::string file = variable("USHER_LIBRARY", "");
    if (file.empty()) throw Error(ErrorCode::library_not_found, "library " + library + ": USHER_LIBRARY names no file");
    return file;
  }
  std::string name = checked_name(library);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return variable("USHER_LIBRARIES", "/var/lib/usher/queues") + "/" + name + ".db";
}

enum class Opened { before, anew };

// A library stays open, as it does in a job there.
Library library_at(const std::string& file, Opened when) {
  static std::mutex mutex;
  static auto& open = *new std::map<std::string, Library>;
  const std::lock_guard lock(mutex);
  const auto found = open.find(file);
  if (found != open.end() && when == Opened::before) return found->second;
  Library library(file);
  open.insert_or_assign(file, library);
  return library;
}

// One that was removed and made again is opened anew.
DataQueue queue_at(const char* queue, const char* library) {
  const std::string file = file_of(text_of(library, kName));
  const std::string name = text_of(queue, kName);
  try {
    return library_at(file, Opened::before).queue(name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::library_not_found) throw;
    return library_at(file, Opened::anew).queue(name);
  }
}

KeyOrder order_of(const char* order) {
  constexpr std::array<std::string_view, 6> kOrders{"EQ", "NE", "LT", "LE", "GT", "GE"};
  const std::string name = text_of(order, 2);
  const auto* const found = std::find(kOrders.begin(), kOrders.end(), name);
  if (found == kOrders.end()) refuse("key order \"" + name + "\": EQ, NE, LT, LE, GT or GE");
  return static_cast<KeyOrder>(found - kOrders.begin());
}

std::size_t length_of(int length, const char* name) {
  if (length < 0) refuse(std::string(name) + ": below 0");
  return static_cast<std::size_t>(length);
}

std::optional<KeySelection> selection_of(const char* order, int key_length, const void* key) {
  const std::size_t length = length_of(key_length, "length of key data");
  if (length == 0) return std::nullopt;
  return KeySelection{order_of(order), Key::bytes(bytes_at(key, length, "key data"))};
}

// "NUMBER/USER/NAME"
void fill_sender(const Sender& from, ibmi_sender& to) {
  const std::size_t user = from.job.find('/') + 1;
  const std::size_t name = from.job.find('/', user) + 1;
  const std::string number = from.job.substr(0, user - 1);
  fill(to.job_number,
       number.size() > 6 ? number.substr(number.size() - 6) : std::string(6 - number.size(), '0') + number);
  fill(to.job_user, from.job.substr(user, name - user - 1));
  fill(to.job_name, from.job.substr(name));
  fill(to.current_user, from.current_user);
}

void put_sender(const Entry& entry, std::size_t room, void* out) {
  if (room == 0) return;
  ibmi_sender sender{};
  sender.bytes_available = entry.sender ? static_cast<int>(sizeof sender) : 8;
  sender.bytes_returned = static_cast<int>(std::min(room, static_cast<std::size_t>(sender.bytes_available)));
  if (entry.sender) fill_sender(*entry.sender, sender);
  std::memcpy(out, &sender, static_cast<std::size_t>(sender.bytes_returned));
}

bool removes(const char* remove) {
  const std::string value = text_of(remove, kName);
  if (value.empty() || value == "*YES") return true;
  if (value == "*NO") return false;
  refuse("remove message: *YES or *NO, not " + value);
}

std::optional<Entry> take(DataQueue& queue, const std::optional<KeySelection>& which, Wait wait, bool remove,
                          std::size_t limit) {
  if (remove) return which ? queue.receive(*which, wait, limit) : queue.receive(wait, limit);
  return which ? queue.peek(*which, wait, limit) : queue.peek(wait, limit);
}

// The id where the original has one, else CPF9899, "error occurred during processing of command".
std::string_view message_id(int result) {
  switch (result) {
    case USHER_NOT_AUTHORIZED: return "CPF2207";
    case USHER_LIBRARY_NOT_FOUND: return "CPF9810";
    case USHER_QUEUE_NOT_FOUND: return "CPF9801";
    case USHER_TOO_LONG: return "CPF2498";
    case USHER_KEY_REQUIRED: return "CPF9501";
    case USHER_KEY_LENGTH: return "CPF9506";
    case USHER_NOT_KEYED: return "CPF9502";
    case USHER_BUSY: return "CPF9803";
    default: return "CPF9899";
  }
}

int tell(int result, ibmi_error_code* error) {
  if (error == nullptr || error->bytes_provided < static_cast<int>(sizeof *error)) return result;
  error->bytes_available = result == USHER_OK ? 0 : static_cast<int>(sizeof *error);
  if (result != USHER_OK) fill(error->exception_id, message_id(result));
  return result;
}

int saturated(std::uint64_t count) {
  return static_cast<int>(std::min<std::uint64_t>(count, INT32_MAX));
}

ibmi_rdqd0100 description_of(const QueueDescription& queue, const std::string& library) {
  constexpr std::string_view kSequences = "FLK";
  const QueueAttributes& attributes = queue.attributes;
  ibmi_rdqd0100 description{};
  description.bytes_available = static_cast<int>(sizeof description);
  description.message_length = static_cast<int>(attributes.max_length);
  description.key_length = static_cast<int>(attributes.key_length);
  description.sequence = kSequences[static_cast<std::size_t>(attributes.sequence)];
  description.include_sender_id = attributes.sender_id ? 'Y' : 'N';
  description.force = attributes.force ? 'Y' : 'N';
  fill(description.text, attributes.text);
  description.type = '0';
  description.automatic_reclaim = '0';
  description.number_of_messages = saturated(queue.entries);
  description.number_of_entries_allocated = description.number_of_messages;
  fill(description.queue_name, queue.name);
  fill(description.library_name, library);
  description.maximum_entries = attributes.max_entries == 0 ? -1 : saturated(attributes.max_entries);
  return description;
}

}  // namespace

int QSNDDTAQ(const char* queue, const char* library, int data_length, const void* data, int key_length, const void* key,
             const char* /*asynchronous*/, const char* /*journal*/) {
  return guarded([&] {
    const auto bytes = bytes_at(data, length_of(data_length, "length of data"), "data");
    const std::size_t keys = length_of(key_length, "length of key data");
    DataQueue to = queue_at(queue, library);
    if (keys == 0)
      to.send(bytes);
    else
      to.send(bytes, Key::bytes(bytes_at(key, keys, "key data")));
    return USHER_OK;
  });
}

int QRCVDTAQ(const char* queue, const char* library, int* data_length, void* data, int wait, const char* order,
             int key_length, void* key, int sender_length, void* sender, const char* remove, int receiver_size,
             ibmi_error_code* error) {
  const int result = guarded([&] {
    given(data_length, "length of data") = 0;
    const std::size_t limit = receiver_size < 0 ? kWholeEntry : static_cast<std::size_t>(receiver_size);
    const auto which = selection_of(order, key_length, key);
    const std::size_t sender_room = length_of(sender_length, "length of sender information");
    if (sender_room > 0 && sender_room < 8) refuse("length of sender information: at least 8");
    if (limit > 0) given(static_cast<char*>(data), "data");
    if (sender_room > 0) given(static_cast<char*>(sender), "sender information");
    DataQueue from = queue_at(queue, library);
    const auto entry = take(from, which, std::chrono::seconds(wait), removes(remove), limit);
    if (!entry) return USHER_OK;
    *data_length = static_cast<int>(entry->length);
    if (!entry->data.empty()) entry->data.copy(static_cast<char*>(data), entry->data.size());
    if (which) entry->key.copy(static_cast<char*>(key), static_cast<std::size_t>(key_length));
    put_sender(*entry, sender_room, sender);
    return USHER_OK;
  });
  return tell(result, error);
}

int QCLRDTAQ(const char* queue, const char* library, const char* order, int key_length, const void* key,
             ibmi_error_code* error) {
  const int result = guarded([&] {
    const auto which = selection_of(order, key_length, key);
    DataQueue of = queue_at(queue, library);
    if (which)
      of.clear(*which);
    else
      of.clear();
    return USHER_OK;
  });
  return tell(result, error);
}

int QMHQRDQD(void* receiver, int receiver_length, const char* format, const char* qualified_queue) {
  return guarded([&] {
    if (text_of(format, 8) != "RDQD0100") refuse("format " + text_of(format, 8) + ": only RDQD0100");
    if (receiver_length < 8) refuse("length of receiver variable: at least 8");
    if (qualified_queue == nullptr || ::strnlen(qualified_queue, 2 * kName) <= kName) {
      refuse("qualified data queue name: 20 characters");
    }
    const std::string library = text_of(qualified_queue + kName, kName);
    ibmi_rdqd0100 description = description_of(queue_at(qualified_queue, library.c_str()).describe(), library);
    description.bytes_returned = std::min(receiver_length, description.bytes_available);
    std::memcpy(&given(static_cast<char*>(receiver), "receiver"), &description,
                static_cast<std::size_t>(description.bytes_returned));
    return USHER_OK;
  });
}
