// Giving capabilities up. Only for processes that start no programs: what a program's ancestor gave up, sudo and ping would
// lack in the user's session.
//
// Source: capabilities(7).
#pragma once

namespace usher {

// No capability can be had again by executing a file; those at hand stay. Where root itself may not (a container), nothing changes:
// no_new_privs then does the same.
void drop_bounding_set() noexcept;

// Those at hand, the inheritable and the ambient ones. Errors: std::system_error.
void give_up_capabilities();

}  // namespace usher
