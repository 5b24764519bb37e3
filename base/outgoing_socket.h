// A listening socket that is given up, while nobody who has connected to it may be lost.
//
// Model:  close() resets the connections that nobody has accepted yet, and one more may come between the last accept() and
//         close(). So the starter has the kernel drop every new SYN first (its sender finds the socket closed when it tries again,
//         a second later), handshakes that have begun come to their end, who accepts from the socket goes on for a while, and
//         then it is closed.
// Source: socket(7), SO_ATTACH_FILTER. Ours: the kernel has no call for it.
#pragma once

#include <chrono>

namespace usher {

// For handshakes that have begun.
inline constexpr std::chrono::seconds kOutgoingSocketTime{1};

// Nobody new gets in. False when that cannot be: with a unix socket, which needs its name taken away for it, and where the kernel
// lets only root have it.
bool drop_new_connections(int listening) noexcept;

// Two descriptors of one socket?
bool is_same_socket(int one, int other);

}  // namespace usher
