// Who sends: what the kernel says of this process, never what the caller says.
#pragma once

#include <optional>
#include <string>

#include "usher/data_queue.h"

namespace usher {

// "NUMBER/USER/NAME" of the job that this process belongs to; empty when it is none. Set by whoever can find out,
// before the first send; without it no process is a job.
using JobSource = std::optional<std::string> (*)();
void set_job_source(JobSource source);

// The job and the thread's effective user. Asks the user database once a user and process: ask for it before a turn is
// taken.
Sender current_sender();

}  // namespace usher
