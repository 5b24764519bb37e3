// The sidecar file of a library, mapped.
//
// Everyone who has it open holds a shared flock on it. One that is stale (another boot, layout or pid namespace, or of
// a file that was replaced) is made anew by the first opener, under two locks: a file lock on its first byte, which
// openers hold while they look, so that there is one at a time; and the exclusive flock, which nobody gets while
// somebody uses the file. When a removed library is made again while processes still wait on the old one, these are
// woken and told
// (`abandoned`), and the new one gets a sidecar of its own.
//
// The room for slots is allocated, not only promised, before it is used: a full disk is an error at the growth, never a
// signal at an access.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/unique_fd.h"
#include "dataqueue/sidecar_layout.h"

namespace usher {

class Sidecar {
 public:
  // `database` is the library's file as stat() shows it: its identity, mode and group.
  // Errors: not_authorized, disk_full; busy when processes of another pid namespace or layout use it.
  Sidecar(const std::string& path, const struct stat& database);
  Sidecar(const Sidecar&) = delete;
  Sidecar& operator=(const Sidecar&) = delete;
  ~Sidecar();

  Control& control() noexcept { return layout_->control; }
  SidecarLayout& layout() noexcept { return *layout_; }

  // How many slots may be used, never more than there are.
  std::uint32_t slots() const noexcept;
  // Makes room for more, with the turn.  Errors: disk_full; busy when there are kMaxSlots.
  void grow();

  // False when it is no longer the file at its path: others would have another one.
  bool is_in_place() const noexcept;

  // Tells all users that the library is gone from its path. Takes no turn: whoever has it may never come back.
  void abandon() noexcept;

 private:
  bool open(const struct stat& database);
  bool is_good(const SidecarIdentity& wanted);
  bool take_over(const SidecarIdentity& wanted);
  void step_aside(const SidecarIdentity& wanted);
  void map();
  void make(const SidecarIdentity& identity);

  std::string path_;
  UniqueFd fd_;
  SidecarLayout* layout_ = nullptr;
};

}  // namespace usher
