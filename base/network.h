// A network, as the configuration names it: "192.0.2.0/24", "2001:db8::/32", one address, or "unix" for unix sockets.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"

namespace usher {

class Network {
 public:
  // Empty when the text names none: no address, bits that are no prefix, or address bits behind the prefix.
  static std::optional<Network> parse(std::string_view text);

  // An IPv4 address that came by an IPv6 socket (::ffff:192.0.2.7) belongs to IPv4 networks.
  bool contains(const Endpoint& endpoint) const;

 private:
  Endpoint::Family family_ = Endpoint::Family::local;
  std::array<std::uint8_t, 16> address_{};
  unsigned prefix_ = 0;  // bits
};

// Texts that name no network are left out.
std::vector<Network> networks_of(const std::vector<std::string>& texts);
bool contains(const std::vector<Network>& networks, const Endpoint& endpoint);

// The network of so many bits that an endpoint belongs to, as parse() takes it: "192.0.2.0/24", "2001:db8::/64", "unix".
std::string network_of(const Endpoint& endpoint, unsigned ipv4_prefix, unsigned ipv6_prefix);
// Texts that name none have no endpoint in them.
bool is_in_one_of(const std::vector<std::string>& networks, const Endpoint& endpoint);

// A numeric address without a port. Empty when it is none.
std::optional<Endpoint> endpoint_of(std::string_view host, std::uint16_t port);

}  // namespace usher
