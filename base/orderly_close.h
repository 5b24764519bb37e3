// Closing a connection so that the last line always arrives: shut down sending, let what still comes run off, close.
//
// A socket closed with unread bytes in it answers with a reset, and a reset may overtake the last line. So what comes is
// discarded: on TCP inside the kernel (MSG_TRUNC copies nothing), on a unix socket, and where the kernel opens records of TLS,
// into a buffer that nobody looks at.
// Source: tcp(7), MSG_TRUNC; RFC 1122, 4.2.2.13.
#pragma once

#include <chrono>
#include <string_view>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace usher {

inline constexpr std::chrono::seconds kLingerTime{2};

// Discards what has come. True when nothing more can come: the peer closed, or the connection is dead.
bool discard_input(int fd) noexcept;

// Sends the whole text, waiting for room until `deadline`. False when it passed or the connection is dead.
bool send_all(int fd, std::string_view text, Instant deadline) noexcept;

// The whole of it, for processes with one client: waits at most kLingerTime.
void close_in_order(UniqueFd fd) noexcept;

}  // namespace usher
