// Executes one of Usher's own programs as a child of the starter.
//
// Shape:  the child has descriptors 0 and 1 on /dev/null, 2 as the starter's (or /dev/null once detached), the given ones from
//         3 on, and no other; a session of its own, so that a key typed at the starter's terminal does not reach it; default
//         signals; an environment of PATH alone; the soft limit of descriptors the starter was started with, which is what
//         programs inherit in the end; and it is killed when the starter dies.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "auth/account.h"

namespace usher {

struct SpawnOrder {
  std::string program;               // absolute path
  std::vector<std::string> options;
  std::optional<Account> account;    // who it runs as; empty: as the starter
  std::vector<int> descriptors;      // these become 3, 4, ...
  bool detached = false;             // standard error is not for it
  bool bounded = false;              // it starts no programs, and so can do without any capability for good
};

// The child's pid. That exec failed is seen as its end with status 127. Errors: std::system_error when there can be no child.
pid_t spawn(const SpawnOrder& order);

// Raises this process's soft limit of descriptors to the hard one; children get the former soft limit back.
void raise_descriptor_limit();

// Becomes the program anew: same process, same children, same environment; of the descriptors only 0 to 2 and those named
// stay. Returns only when that failed, with errno.
int execute_anew(const std::string& program, std::vector<std::string> words, const std::vector<int>& descriptors);

}  // namespace usher
