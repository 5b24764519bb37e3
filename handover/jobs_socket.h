// A job's way to the pool: jobs.sock in the runtime directory.
//
// Shape:  the directory is what USHER_RUNTIME_DIRECTORY says, which Usher sets for what it starts where it is not
// /run/usher. Trust:  the socket must be root's, or of the same user as this process: so says the kernel of whoever
// listens there.
#pragma once

#include <string>

#include "base/channel.h"

namespace usher {

std::string jobs_socket_path();

// Errors: Error(not_running) when nobody listens, Error(not_authorized) when it is somebody else, Error(busy).
Channel connect_to_pool();

// "NUMBER/USER/NAME" and the id of the job that this process belongs to, as the pool finds out.
// Errors: those of connect_to_pool(); Error(job_not_found) when it belongs to none; Error(busy) without an answer in
// time.
struct OwnJob {
  std::string name;
  std::string id;  // in hex
};
OwnJob ask_own_job(std::chrono::milliseconds patience);

}  // namespace usher
