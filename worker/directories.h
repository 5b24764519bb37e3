// The directories that Usher works in, and the lock that lets one starter work in them.
//
// Shape:  runtime_directory/  root's, 0755:  control.sock  pool.sock  jobs.sock  lock
//           empty/            root's, 0755:  the login processes' root; nothing is ever in it
//           db/               the service user's, 0700:  registry and ready queue
//         state_directory/    root's, 0755
//           db/  logs/        the service user's, 0700:  history; job logs
//           queues/           the service user's, 2770:  libraries
//         Root makes them and never goes into those that it gives away.
#pragma once

#include <string>

#include "auth/account.h"
#include "base/configuration.h"
#include "base/unique_fd.h"

namespace usher {

// Makes what is missing. Errors: std::system_error; Error(not_authorized) for a directory that others could change.
void make_directories(const ServerConfig& server, const Account& service_user);

// Held while the descriptor is open, and gone with its process. Errors: Error(already_exists) when another starter runs.
UniqueFd lock_runtime_directory(const std::string& runtime_directory);

// The pid of the starter that holds the lock; 0 when none does.
pid_t starter_pid(const std::string& runtime_directory);

}  // namespace usher
