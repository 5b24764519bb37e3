#include "dataqueue/queue_record.h"

#include <array>

#include "base/text.h"

namespace usher {
namespace {

constexpr std::size_t kMaxName = 10;
constexpr std::array<const char*, 3> kSequences{"fifo", "lifo", "keyed"};

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::invalid_argument, what);
}

char folded(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool begins_a_name(char c) {
  return (c >= 'A' && c <= 'Z') || c == '$' || c == '#' || c == '@';
}

bool stands_in_a_name(char c) {
  return begins_a_name(c) || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

std::string quoted(std::string_view text) {
  return "\"" + printable(text) + "\"";
}

std::size_t characters_of(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

void check_keys(const QueueAttributes& attributes) {
  const bool keyed = attributes.sequence == Sequence::keyed;
  if (keyed && (attributes.key_length < 1 || attributes.key_length > kMaxKeyLength)) {
    refuse("key_length: 1 to 256 for a keyed queue, not " + std::to_string(attributes.key_length));
  }
  if (!keyed && attributes.key_length != 0) refuse("key_length: only a keyed queue has keys");
}

void check_dead_letter(const QueueAttributes& attributes) {
  if (attributes.max_deliveries == 0 && !attributes.dead_letter.empty()) refuse("dead_letter: needs max_deliveries");
  if (attributes.max_deliveries != 0 && attributes.dead_letter.empty()) refuse("max_deliveries: needs dead_letter");
  if (!attributes.dead_letter.empty()) checked_name(attributes.dead_letter);
}

std::string key_error(const QueueRecord& queue, const std::string& what) {
  return "queue " + queue.name + ": " + what;
}

std::string fitted_key(const QueueRecord& queue, const Key& key) {
  const std::size_t length = queue.attributes.key_length;
  std::string value = key.value();
  if (key.is_text() && value.size() < length) value.resize(length, '\0');
  if (value.size() != length) {
    throw Error(ErrorCode::key_length,
                key_error(queue, "the key has " + std::to_string(value.size()) + " bytes, keys of the queue " +
                                     std::to_string(length) + " (CPF9506)"));
  }
  return value;
}

}  // namespace

std::string checked_name(std::string_view name) {
  std::string upper;
  for (const char c : name) upper += folded(c);
  if (upper.empty() || upper.size() > kMaxName) refuse("name " + quoted(name) + ": 1 to 10 characters");
  if (!begins_a_name(upper[0])) refuse("name " + quoted(name) + ": must begin with a letter, $ # or @");
  for (const char c : upper) {
    if (!stands_in_a_name(c)) refuse("name " + quoted(name) + ": only A-Z 0-9 $ # @ _ .");
  }
  return upper;
}

void check_attributes(const QueueAttributes& attributes) {
  if (attributes.sequence > Sequence::keyed) refuse("sequence: fifo, lifo or keyed");
  if (attributes.max_length < 1 || attributes.max_length > kMaxEntryLength) {
    refuse("max_length: 1 to 64,512, not " + std::to_string(attributes.max_length));
  }
  check_keys(attributes);
  if (attributes.max_entries > INT64_MAX) refuse("max_entries: too large");
  if (!is_utf8(attributes.text) || characters_of(attributes.text) > kMaxQueueText) {
    refuse("text: up to 50 characters of UTF-8");
  }
  check_dead_letter(attributes);
}

std::string checked_key(const QueueRecord& queue, const Key* key) {
  if (!queue.is_keyed()) {
    if (key != nullptr) throw Error(ErrorCode::not_keyed, key_error(queue, "has no keys (CPF9502)"));
    return {};
  }
  if (key == nullptr) throw Error(ErrorCode::key_required, key_error(queue, "a key is required (CPF9501)"));
  return fitted_key(queue, *key);
}

std::optional<KeyCondition> checked_selection(const QueueRecord& queue, const KeySelection* selection) {
  const Key* key = selection == nullptr ? nullptr : &selection->key;
  std::string value = checked_key(queue, key);
  if (selection == nullptr) return std::nullopt;
  if (selection->order > KeyOrder::ge) refuse("order: eq, ne, lt, le, gt or ge");
  return KeyCondition{selection->order, std::move(value)};
}

void check_length(const QueueRecord& queue, std::string_view data) {
  if (data.size() <= queue.attributes.max_length) return;
  throw Error(ErrorCode::too_long, "queue " + queue.name + ": the entry has " + std::to_string(data.size()) +
                                       " bytes, " + std::to_string(queue.attributes.max_length) +
                                       " are allowed (CPF2498)");
}

const char* name_of(Sequence sequence) noexcept {
  return kSequences.at(static_cast<std::size_t>(sequence));
}

std::optional<Sequence> sequence_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kSequences.size(); ++i) {
    if (name == kSequences[i]) return static_cast<Sequence>(i);
  }
  return std::nullopt;
}

}  // namespace usher
