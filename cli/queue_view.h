// Entries and queues as text and as JSON.
//
// Shape:  an entry is {"data": TEXT or null, "data_hex", "key": TEXT or null, "key_hex": HEX or null,
//         "sender": {"job", "current_user"} or null, "enqueued": RFC 3339 in microseconds, "deliveries", "number"}.
//         `data` is null where it is no UTF-8; `key` is shown without the zero bytes that pad a text key.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "usher/data_queue.h"

namespace usher {

enum class EntryForm { bytes, hex, json };

// With a newline behind it.
void print(const Entry& entry, EntryForm form, std::ostream& out);
// A line of JSON of an entry, its data in hexadecimal or as text.  Errors: invalid_argument says what is wrong.
Entry parse_entry(const std::string& json);

void print_json(const QueueDescription& queue, const std::string& library, std::ostream& out);
void print_details(const QueueDescription& queue, const std::string& library, std::ostream& out);

// Errors: invalid_argument names `what`.
std::string bytes_of_hex(const std::string& hex, const char* what);

}  // namespace usher
