// Libraries, queues and entries.
#include <algorithm>
#include <cstring>

#include "dataqueue/c_api/handles.h"
#include "dataqueue/entry_time.h"

using namespace usher;
using namespace usher::c_api;

namespace {

QueueAttributes attributes_of(const usher_attributes& given_ones) {
  if (given_ones.sequence < USHER_FIFO || given_ones.sequence > USHER_KEYED) {
    throw Error(ErrorCode::invalid_argument, "sequence: fifo, lifo or keyed");
  }
  QueueAttributes attributes;
  attributes.sequence = static_cast<Sequence>(given_ones.sequence);
  attributes.max_length = given_ones.max_length;
  attributes.key_length = given_ones.key_length;
  attributes.max_entries = given_ones.max_entries;
  attributes.max_deliveries = given_ones.max_deliveries;
  attributes.sender_id = given_ones.sender_id != 0;
  attributes.force = given_ones.force != 0;
  if (given_ones.text != nullptr) attributes.text = given_ones.text;
  if (given_ones.dead_letter != nullptr) attributes.dead_letter = given_ones.dead_letter;
  return attributes;
}

template <std::size_t Size>
void copy_text(char (&to)[Size], const std::string& from) {
  to[from.copy(to, Size - 1)] = '\0';
}

void describe(const QueueDescription& from, usher_description& to) {
  const QueueAttributes& attributes = from.attributes;
  to = {};
  copy_text(to.name, from.name);
  to.sequence = static_cast<int>(attributes.sequence);
  to.max_length = attributes.max_length;
  to.key_length = attributes.key_length;
  to.max_deliveries = attributes.max_deliveries;
  to.max_entries = attributes.max_entries;
  to.sender_id = attributes.sender_id ? 1 : 0;
  to.force = attributes.force ? 1 : 0;
  copy_text(to.text, attributes.text);
  copy_text(to.dead_letter, attributes.dead_letter);
  to.entries = from.entries;
  to.bytes = from.bytes;
  to.oldest_us = from.oldest ? microseconds_of(*from.oldest) : 0;
  to.leased = from.leased;
  to.waiters = from.waiters;
}

int hand_out_all(std::vector<Entry> all, usher_entry** entries, std::size_t* count) {
  std::vector<std::unique_ptr<usher_entry>> made;
  made.reserve(all.size());
  for (Entry& entry : all) made.push_back(std::make_unique<usher_entry>(usher_entry{std::move(entry)}));
  std::transform(made.begin(), made.end(), entries, [](auto& entry) { return entry.release(); });
  *count = made.size();
  return made.empty() ? USHER_NOTHING : USHER_OK;
}

}  // namespace

int usher_library_open(const char* path, unsigned flags, unsigned mode, usher_library** library) {
  return guarded([&] {
    given(library, "library") = nullptr;
    OpenLibrary how;
    how.create = (flags & USHER_CREATE) != 0;
    how.mode = mode;
    if ((flags & USHER_VOLATILE) != 0) how.durability = Durability::process;
    *library = new usher_library{Library(&given(path, "path"), how)};
    return USHER_OK;
  });
}

void usher_library_close(usher_library* library) {
  delete library;
}

void usher_attributes_default(usher_attributes* attributes) {
  if (attributes == nullptr) return;
  *attributes = {};
  attributes->max_length = kMaxEntryLength;
}

int usher_queue_create(usher_library* library, const char* name, const usher_attributes* attributes,
                       usher_queue** queue) {
  return guarded([&] {
    if (queue != nullptr) *queue = nullptr;
    DataQueue made = given(library, "library")
                         .library.create_queue(&given(name, "name"),
                                               attributes == nullptr ? QueueAttributes() : attributes_of(*attributes));
    if (queue != nullptr) *queue = new usher_queue{std::move(made)};
    return USHER_OK;
  });
}

int usher_queue_open(usher_library* library, const char* name, usher_queue** queue) {
  return guarded([&] {
    given(queue, "queue") = nullptr;
    *queue = new usher_queue{given(library, "library").library.queue(&given(name, "name"))};
    return USHER_OK;
  });
}

int usher_queue_delete(usher_library* library, const char* name) {
  return guarded([&] {
    given(library, "library").library.delete_queue(&given(name, "name"));
    return USHER_OK;
  });
}

void usher_queue_close(usher_queue* queue) {
  delete queue;
}

int usher_describe(usher_queue* queue, usher_description* description) {
  return guarded([&] {
    describe(given(queue, "queue").queue.describe(), given(description, "description"));
    return USHER_OK;
  });
}

int usher_send(usher_queue* queue, const void* data, size_t length, const void* key, size_t key_length) {
  return guarded([&] {
    DataQueue& to = given(queue, "queue").queue;
    const auto wanted = key_at(key, key_length);
    if (wanted)
      to.send(bytes_at(data, length, "data"), *wanted);
    else
      to.send(bytes_at(data, length, "data"));
    return USHER_OK;
  });
}

int usher_receive(usher_queue* queue, const usher_selection* which, double wait, size_t limit, usher_entry** entry) {
  return guarded([&] {
    given(entry, "entry") = nullptr;
    DataQueue& from = given(queue, "queue").queue;
    const auto wanted = selection_of(which);
    return hand_out(wanted ? from.receive(*wanted, wait_of(wait), limit) : from.receive(wait_of(wait), limit), entry);
  });
}

int usher_peek(usher_queue* queue, const usher_selection* which, double wait, size_t limit, usher_entry** entry) {
  return guarded([&] {
    given(entry, "entry") = nullptr;
    DataQueue& from = given(queue, "queue").queue;
    const auto wanted = selection_of(which);
    return hand_out(wanted ? from.peek(*wanted, wait_of(wait), limit) : from.peek(wait_of(wait), limit), entry);
  });
}

int usher_send_batch(usher_queue* queue, const usher_outgoing* entries, size_t count) {
  return guarded([&] {
    if (count != 0) given(entries, "entries");
    std::vector<Outgoing> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(
          {bytes_at(entries[i].data, entries[i].length, "data"), key_at(entries[i].key, entries[i].key_length)});
    }
    given(queue, "queue").queue.send_batch(all);
    return USHER_OK;
  });
}

int usher_receive_batch(usher_queue* queue, const usher_selection* which, size_t most, double wait, size_t limit,
                        usher_entry** entries, size_t* count) {
  return guarded([&] {
    given(count, "count") = 0;
    given(entries, "entries");
    DataQueue& from = given(queue, "queue").queue;
    const auto wanted = selection_of(which);
    return hand_out_all(wanted ? from.receive_batch(*wanted, most, wait_of(wait), limit)
                               : from.receive_batch(most, wait_of(wait), limit),
                        entries, count);
  });
}

int usher_list(usher_queue* queue, const usher_selection* which, int reverse, size_t most, size_t limit,
               usher_entry** entries, size_t* count) {
  return guarded([&] {
    given(count, "count") = 0;
    given(entries, "entries");
    const Listing what{.key = selection_of(which), .reverse = reverse != 0, .most = most, .limit = limit};
    return hand_out_all(given(queue, "queue").queue.list(what), entries, count);
  });
}

int usher_clear(usher_queue* queue, const usher_selection* which, uint64_t* removed) {
  return guarded([&] {
    DataQueue& of = given(queue, "queue").queue;
    const auto wanted = selection_of(which);
    const std::uint64_t count = wanted ? of.clear(*wanted) : of.clear();
    if (removed != nullptr) *removed = count;
    return USHER_OK;
  });
}

const void* usher_entry_data(const usher_entry* entry) {
  return entry->entry.data.data();
}
size_t usher_entry_size(const usher_entry* entry) {
  return entry->entry.data.size();
}
size_t usher_entry_length(const usher_entry* entry) {
  return entry->entry.length;
}
const void* usher_entry_key(const usher_entry* entry) {
  return entry->entry.key.data();
}
size_t usher_entry_key_length(const usher_entry* entry) {
  return entry->entry.key.size();
}
int64_t usher_entry_enqueued_us(const usher_entry* entry) {
  return microseconds_of(entry->entry.enqueued);
}
const char* usher_entry_sender_job(const usher_entry* entry) {
  return entry->entry.sender ? entry->entry.sender->job.c_str() : nullptr;
}
const char* usher_entry_sender_user(const usher_entry* entry) {
  return entry->entry.sender ? entry->entry.sender->current_user.c_str() : nullptr;
}
uint64_t usher_entry_number(const usher_entry* entry) {
  return entry->entry.number;
}
uint32_t usher_entry_deliveries(const usher_entry* entry) {
  return entry->entry.deliveries;
}
void usher_entry_free(usher_entry* entry) {
  delete entry;
}
