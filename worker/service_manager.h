// Tells systemd that Usher is ready or stops. Does nothing where no service manager listens.
//
// Source: sd_notify(3), the protocol at its end: one datagram to the socket named by NOTIFY_SOCKET.
#pragma once

#include <string_view>

namespace usher {

void notify_service_manager(std::string_view state) noexcept;

}  // namespace usher
