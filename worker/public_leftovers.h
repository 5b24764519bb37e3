// What a public program left running when it ended, found among the children that this process has inherited.
//
// Model:  an orphan whose USHER_JOB names a program that still runs is that program's (it made itself independent, as daemons
//         do) and stays until then; all others, and what is below them, are killed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

namespace usher {

// Has this process any child, ended or not?
bool has_children();

// How many there were.
std::size_t kill_leftovers(const std::function<bool(pid_t)>& is_program, const std::function<bool(std::uint32_t)>& runs);

}  // namespace usher
