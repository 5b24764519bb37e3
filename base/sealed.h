// Bytes that can be passed to another process and cannot change any more.
//
// Source: memfd_create(2), fcntl(2) F_ADD_SEALS.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace usher {

// `name` is what /proc shows.
UniqueFd seal_bytes(const char* name, std::string_view bytes);

// Errors: Error(protocol) when they are not sealed or more than `most`.
std::string unseal_bytes(int fd, std::size_t most);

}  // namespace usher
