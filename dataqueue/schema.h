// The tables of a library's file, layout 1, and the file that holds them.
//
//   library        one row: below which number nothing is given out again
//   client_object  tables, indexes and views of other schemas that live in the file
//   queue          one row a queue, its attributes
//   entry          entries of FIFO and LIFO queues; id = queue number * 2^46 + entry number, so that one queue's
//   entries stand
//                  together in order of sending, and the table is one B-tree in which both ends of a queue are found at
//                  once
//   keyed_entry    entries of keyed queues, in order of queue, key, entry number
//   lease          entries that are out under a lease
//
// A file is made whole, in memory, before it gets its name. At every open the schema is compared with this text, to the
// byte: a file that has more, less or other objects is refused, because SQL in a stranger's file (a trigger, a view)
// would run with the opener's rights. Source: ours; measured against a table a queue and against one index for all.
#pragma once

#include <string>
#include <vector>

#include "dataqueue/sqlite.h"

namespace usher {

inline constexpr int kLibraryLayout = 1;
inline constexpr int kNumberBits = 46;                       // of an entry's number
inline constexpr std::uint32_t kMaxQueues = (1U << 17) - 1;  // their numbers are 1..131,071

constexpr std::int64_t entry_id(std::uint32_t queue, std::uint64_t number) {
  return (static_cast<std::int64_t>(queue) << kNumberBits) | static_cast<std::int64_t>(number);
}
constexpr std::uint64_t number_of_entry_id(std::int64_t id) {
  return static_cast<std::uint64_t>(id) & ((std::uint64_t{1} << kNumberBits) - 1);
}

// Tables of somebody else in the file, so that their changes and a queue's are one transaction. The file notes their
// names: who opens it without knowing the schema finds these tables in order.
struct ClientSchema {
  const char* name;
  int version;
  const char* sql;  // CREATE TABLE, INDEX and VIEW statements; not on the tables of the library
};

// The bytes of a new, empty library file.
std::string new_library_image();

// Errors: damaged when it is no library, or its schema is not the one above; wrong_version when its layout, or that of
// one of
//         `clients`, is another one.
void check_schema(Database& database, const std::vector<ClientSchema>& clients);
bool has_schema(Database& database, const ClientSchema& client);
// In a transaction of the caller.
void add_schema(Database& database, const ClientSchema& client);

}  // namespace usher
