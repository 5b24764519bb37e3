// All that a process serving a public listener (usher-public) needs to know: that, and not the configuration with what it
// says of others, since it is a user's process.
//
// Model:  made by the starter from a checked configuration, sealed in memory, read by usher-public.
#pragma once

#include <string>

#include "auth/account.h"
#include "base/configuration.h"
#include "base/unique_fd.h"

namespace usher {

struct PublicPlan {
  std::uint16_t place = 0;  // of the listener in the configuration
  std::string listener;
  std::string owner;  // the middle part of its jobs' names
  Account account;    // this process's own
  ProgramConfig program;
  std::uint32_t max_sessions = 0;
};

UniqueFd seal_plan(const PublicPlan& plan);
// Errors: Error(protocol) when the bytes are not what seal_plan made.
PublicPlan unseal_plan(int fd);

}  // namespace usher
