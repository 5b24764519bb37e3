// The tables of a library's file, layout 1, and the file that holds them.
//
//   library      one row: below which number nothing is given out again
//   module       other schemas that live in the file, by name and version; their tables begin with the name and "_"
//   queue        one row a queue, its attributes
//   entry        entries of FIFO and LIFO queues; id = queue number * 2^46 + entry number, so that one queue's entries stand
//                together in order of sending, and the table is one B-tree in which both ends of a queue are found at once
//   keyed_entry  entries of keyed queues, in order of queue, key, entry number
//   lease        entries that are out under a lease
//
// A file is made whole, in memory, before it gets its name. At every open the schema is compared with this text, to the byte:
// a file that has more, less or other objects is refused, because SQL in a stranger's file (a trigger, a view) would run with
// the opener's rights.
// Source: ours; measured against a table a queue and against one index for all.
#pragma once

#include <string>
#include <vector>

#include "dataqueue/sqlite.h"

namespace usher {

inline constexpr int kLibraryLayout = 1;
inline constexpr int kNumberBits = 46;        // of an entry's number
inline constexpr std::uint32_t kMaxQueues = (1U << 17) - 1;  // their numbers are 1..131,071

constexpr std::int64_t entry_id(std::uint32_t queue, std::uint64_t number) {
  return (static_cast<std::int64_t>(queue) << kNumberBits) | static_cast<std::int64_t>(number);
}
constexpr std::uint64_t number_of_entry_id(std::int64_t id) {
  return static_cast<std::uint64_t>(id) & ((std::uint64_t{1} << kNumberBits) - 1);
}

// Tables of somebody else in the file, so that their changes and a queue's are one transaction.
struct SchemaModule {
  std::string name;  // a..z; every object of the module is named NAME_...
  int version;
  std::vector<std::string> objects;  // "CREATE TABLE name_x (...)", single spaces up to the name, as they are to be found
};

// The bytes of a new, empty library file.
std::string new_library_image();

// Errors: damaged when it is no library or its schema is not the one above; wrong_version when its layout, or that of one of
//         `modules`, is another one.  A module of the list that is not there yet is reported by missing_modules.
void check_schema(Database& database, const std::vector<SchemaModule>& modules);
std::vector<const SchemaModule*> missing_modules(Database& database, const std::vector<SchemaModule>& modules);
// In a transaction of the caller.
void add_module(Database& database, const SchemaModule& module);

}  // namespace usher
