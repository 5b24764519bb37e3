// A SQLite VFS over the usual one that knows what is on the disk and what is only in the machine's memory, and can make
// the files that a loss of power would leave: what was synced, and of the rest any part, whole or torn.
//
// Shape:  a write since the file's last sync is there, is not there, or is there in some of its sectors of 512 bytes,
//         each independently of all others; a change of size since then is there or not.
// Source: what SQLite expects of a disk: "Atomic Commit in SQLite", section 2.
#pragma once

#include <random>
#include <string>

namespace usher::testing {

// Made known to SQLite under this name when first asked for.
const char* failing_disk_vfs();

// Makes `target` and `target`-wal from the library at `path`, as a loss of power now would.
void lose_power(const std::string& path, const std::string& target, std::mt19937& random);

}  // namespace usher::testing
