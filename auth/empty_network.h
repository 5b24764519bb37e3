// A network namespace with nothing in it, for processes that need no network: made once, entered by each.
//
// Source: network_namespaces(7), setns(2). Making one takes the kernel some 50 times as long as entering it.
#pragma once

#include "base/unique_fd.h"

namespace usher {

// Empty where this process may not make one: without root, or in a container. Sockets that are open stay where they are.
// Errors: std::system_error when the way back to the own network failed.
UniqueFd make_empty_network();

// Sockets made from here on lead nowhere. Errors: std::system_error.
void enter_network(const UniqueFd& network);

}  // namespace usher
