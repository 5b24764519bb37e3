// What must not go through a fork() in this process is put away before, and known to be gone in the child.
//
// SQLite keeps a table of open files and their locks in the process. A child would inherit the table but not the locks,
// and think it has locks that nobody has: the file could be damaged. So every database handle is closed before a fork,
// and opened again at its next use, in the parent as in the child. A child made without fork() (raw clone, or a fork in
// the middle of a transaction) finds its libraries unusable: the page that says otherwise is wiped by the kernel.
//
// Source: "How to corrupt an SQLite database file", 2.6; pthread_atfork(3); madvise(2), MADV_WIPEONFORK.
#pragma once

namespace usher {

class ForkAware {
 public:
  // Called in the forking thread. What before_fork() locks one of the others unlocks.
  virtual void before_fork() noexcept = 0;
  virtual void after_fork_in_parent() noexcept = 0;
  virtual void after_fork_in_child() noexcept = 0;
  virtual ~ForkAware() = default;
};

// Registers for its life. The last member of the class that it is for: gone before anything else of the object is.
class ForkRegistration {
 public:
  explicit ForkRegistration(ForkAware* object);
  ~ForkRegistration();
  ForkRegistration(const ForkRegistration&) = delete;
  ForkRegistration& operator=(const ForkRegistration&) = delete;

 private:
  ForkAware* object_;
};

// False in a child for which no after_fork_in_child() was called.
bool fork_was_seen();

}  // namespace usher
