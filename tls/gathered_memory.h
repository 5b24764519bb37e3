// OpenSSL's memory in a process that others are forked from. A few objects are written whenever they are used: locks,
// those that count their users, generators of random numbers. Each page that a fork writes becomes its own, so these
// objects lie together, on few pages.
//
// Model:  from the first call to the second what certain files of OpenSSL ask for comes from one region, in order of
//         asking; what is given back there is not used again.
//         Later large pieces, which a handshake or a record takes and gives back, come from a region of their own: what stays lies
//         close together in the heap then, and not between them. All else is malloc's.
// Source: OpenSSL 3.0, CRYPTO_set_mem_functions(3). Which files was seen by giving each object a page of its own. In
//         another version others may be right: then a session takes more memory, and all works.
#pragma once

#include "base/common_memory.h"

namespace usher::tls {

// Before anything of OpenSSL is used: then it is too late, and nothing is done.
void gather_written_memory() noexcept;
void end_gathering() noexcept;
// The pages of large pieces that are not in use.
void give_large_pieces_back() noexcept;
// What has been gathered, as whole pages; empty when nothing was gathered.
PageRange gathered_memory() noexcept;

}  // namespace usher::tls
