#include "base/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace usher {
namespace {

using Family = Endpoint::Family;
using Bytes = std::array<std::uint8_t, 16>;

struct Address {
  Family family;
  Bytes bytes{};
  unsigned bits() const { return family == Family::ipv4 ? 32 : 128; }
};

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};  // ::ffff:0:0/96

std::optional<Address> address_of(std::string_view text) {
  const std::string host(text);
  Address address{Family::ipv4, {}};
  if (inet_pton(AF_INET, host.c_str(), address.bytes.data()) == 1) return address;
  if (inet_pton(AF_INET6, host.c_str(), address.bytes.data()) != 1) return {};
  if (!std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) return Address{Family::ipv6, address.bytes};
  std::copy(address.bytes.begin() + kMapped.size(), address.bytes.end(), address.bytes.begin());
  std::fill(address.bytes.begin() + 4, address.bytes.end(), std::uint8_t{0});
  return address;
}

std::string text_of(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.family == Family::ipv4 ? AF_INET : AF_INET6, address.bytes.data(), text.data(), text.size());
  return text.data();
}

// The bits of byte `index` that belong to a prefix.
std::uint8_t mask(unsigned prefix, std::size_t index) {
  const auto before = static_cast<unsigned>(index) * 8;
  if (prefix >= before + 8) return 0xFF;
  return prefix <= before ? std::uint8_t{0} : static_cast<std::uint8_t>(0xFFU << (before + 8 - prefix));
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  Network network;
  if (text == "unix") return network;
  const std::size_t slash = text.find('/');
  const auto address = address_of(text.substr(0, slash));
  if (!address) return {};
  network.family_ = address->family;
  network.address_ = address->bytes;
  network.prefix_ = address->bits();
  if (slash != text.npos) {
    const std::string_view bits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), network.prefix_);
    if (error != std::errc{} || end != bits.data() + bits.size() || network.prefix_ > address->bits()) return {};
  }
  for (std::size_t i = 0; i < network.address_.size(); ++i) {
    if ((network.address_.at(i) & ~mask(network.prefix_, i)) != 0) return {};
  }
  return network;
}

bool Network::contains(const Endpoint& endpoint) const {
  if (endpoint.family == Family::local) return family_ == Family::local;
  const auto address = address_of(endpoint.host);
  if (!address || address->family != family_) return false;
  for (std::size_t i = 0; i < address_.size(); ++i) {
    if ((address->bytes.at(i) & mask(prefix_, i)) != address_.at(i)) return false;
  }
  return true;
}

std::vector<Network> networks_of(const std::vector<std::string>& texts) {
  std::vector<Network> networks;
  for (const std::string& text : texts) {
    if (const auto network = Network::parse(text)) networks.push_back(*network);
  }
  return networks;
}

bool contains(const std::vector<Network>& networks, const Endpoint& endpoint) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& network) { return network.contains(endpoint); });
}

std::string network_of(const Endpoint& endpoint, unsigned ipv4_prefix, unsigned ipv6_prefix) {
  auto address = endpoint.family == Family::local ? std::nullopt : address_of(endpoint.host);
  if (!address) return "unix";
  const unsigned prefix = address->family == Family::ipv4 ? ipv4_prefix : ipv6_prefix;
  for (std::size_t i = 0; i < address->bytes.size(); ++i) address->bytes.at(i) &= mask(prefix, i);
  return text_of(*address) + "/" + std::to_string(prefix);
}

bool is_in_one_of(const std::vector<std::string>& networks, const Endpoint& endpoint) {
  return contains(networks_of(networks), endpoint);
}

std::optional<Endpoint> endpoint_of(std::string_view host, std::uint16_t port) {
  const auto address = address_of(host);
  if (!address) return {};
  return Endpoint{address->family, text_of(*address), port};
}

}  // namespace usher
