// The start of one program, as two kinds of parents do it: a worker (root, after PAM), which waits until it runs (vfork), and
// usher-public (the user itself), which starts one for each connection and goes on meanwhile.
//
// Model:  everything is prepared before there is a child; in the child raw system calls in a fixed order: session, signals,
//         descriptors, limits, identity (proven), working directory as the user, first line to the client, exec. The child
//         shares its parent's memory until exec, so it allocates nothing and leaves its failure where the parent reads it.
// Source: vfork(2), clone(2), set_tid_address(2), DESIGN 3 and 5.4.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <memory>

#include "base/configuration.h"

namespace usher {

enum class LaunchStep : int {
  none, descriptors, priority, limits, identity, directory, first_line, exec
};
const char* name_of(LaunchStep step);

inline constexpr std::size_t kMostMore = 4;

struct LaunchPlan {
  struct Limit {
    __rlimit_resource_t resource;
    rlimit value;
  };
  const char* path;
  char* const* arguments;
  char* const* environment;
  const char* directory;  // nullptr: where the parent is
  const char* first_line;
  std::size_t first_line_size;
  int connection;      // becomes standard input and output
  int standard_error;
  std::array<int, kMostMore> more;  // become 3, 4, ...
  int more_count;
  int nice;
  bool changes_identity;
  uid_t uid;
  gid_t gid;
  // The parent ignores no signal, its mask of new files is the program's, and all it has above standard error closes on exec.
  bool parent_is_plain;
  std::array<Limit, 5> limits;
  std::size_t limit_count;
  // Written by the child, whose memory this is, and read by the parent: no compiler can see that.
  volatile LaunchStep failed_step;
  volatile int error_number;
  volatile bool home_missing;
};

// What the program may use, no more than this process may. Called when the limits of this process are those of the session.
void plan_limits(const ResourceLimits& wanted, LaunchPlan& plan);

// The child's pid; -1 and errno when there is none. It has failed when `failed_step` says so, and is then to be reaped.
pid_t start(LaunchPlan& plan);

// The same as start(), but the child has a stack of its own and the parent is not held up: between two programs of a busy
// machine a waiting parent would have to be scheduled twice. Until `busy` is over the plan, and what it points to, is the
// child's.
class LaunchRoom {
 public:
  LaunchRoom() : stack_(std::make_unique<Stack>()) {}

  pid_t start(LaunchPlan& plan);
  // The child still shares this process's memory.
  bool busy() const noexcept;
  // Until it does not, or for a moment.
  void wait() noexcept;
  // The child is known to be gone.
  void clear() noexcept { child_ = 0; }

 private:
  static constexpr std::size_t kStackSize = 32'768;
  struct alignas(64) Stack {
    std::array<std::byte, kStackSize> bytes;
  };

  static int run(void* plan) noexcept;

  std::unique_ptr<Stack> stack_;
  volatile int child_ = 0;  // the kernel sets it to 0 when the child executes its program or ends
};

}  // namespace usher
