// The worker's own limits and priority: PAM's session modules set those of the user on the calling process, the program
// inherits them, and then the worker takes its own back as far as the kernel lets it (raising a hard limit takes
// CAP_SYS_RESOURCE).
#pragma once

#include <sys/resource.h>

#include <array>

namespace usher {

class OwnLimits {
 public:
  OwnLimits() noexcept : nice_(getpriority(PRIO_PROCESS, 0)) {
    for (int i = 0; i < RLIM_NLIMITS; ++i) getrlimit(resource(i), &limits_[static_cast<std::size_t>(i)]);
  }
  void restore() const noexcept {
    for (int i = 0; i < RLIM_NLIMITS; ++i) setrlimit(resource(i), &limits_[static_cast<std::size_t>(i)]);
    setpriority(PRIO_PROCESS, 0, nice_);
  }

 private:
  static __rlimit_resource_t resource(int number) noexcept { return static_cast<__rlimit_resource_t>(number); }
  std::array<rlimit, RLIM_NLIMITS> limits_{};
  int nice_;
};

}  // namespace usher
