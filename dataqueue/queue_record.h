// A queue as the library's file has it, and what may be asked of one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dataqueue/key_order.h"

namespace usher {

struct QueueRecord {
  std::uint32_t number = 0;       // 1..131,071, used again after the queue is gone
  std::uint64_t incarnation = 0;  // never used again
  std::string name;
  QueueAttributes attributes;

  // As a dead-letter queue: no entry of `other` is too long or has another key.
  bool takes_entries_of(const QueueRecord& other) const noexcept {
    return attributes.max_length >= other.attributes.max_length &&
           (!is_keyed() || attributes.key_length == other.attributes.key_length);
  }
  bool is_keyed() const noexcept { return attributes.sequence == Sequence::keyed; }
};

// The name folded to upper case.  Errors: invalid_argument.
std::string checked_name(std::string_view name);

// Errors: invalid_argument names the attribute.
void check_attributes(const QueueAttributes& attributes);

// The bytes of the key to be stored or compared.
// Errors: not_keyed, key_length; key_required when there is none and the queue is keyed.
std::string checked_key(const QueueRecord& queue, const Key* key);
// Errors: also invalid_argument for an order that is none.
std::optional<KeyCondition> checked_selection(const QueueRecord& queue, const KeySelection* selection);

void check_length(const QueueRecord& queue, std::string_view data);

const char* name_of(Sequence sequence) noexcept;  // "fifo"
std::optional<Sequence> sequence_named(std::string_view name) noexcept;

}  // namespace usher
