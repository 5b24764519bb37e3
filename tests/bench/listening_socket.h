// A listening socket for a benchmark's own server.
#pragma once

#include <cstdint>

#include "base/unique_fd.h"

namespace usher::bench {

struct ListeningSocket {
  UniqueFd fd;
  std::uint16_t port = 0;  // of 127.0.0.1, as the kernel picked it
};

ListeningSocket listen_on_loopback();

}  // namespace usher::bench
