#include "server/admission.h"

#include <algorithm>

namespace usher {

void Admission::add(const std::string& listener, const std::string& network, std::uint64_t serial) {
  Logins& logins = by_listener_[listener];
  if (logins.by_network[network].insert(serial).second) ++logins.count;
}

void Admission::remove(const std::string& listener, const std::string& network, std::uint64_t serial) {
  const auto logins = by_listener_.find(listener);
  if (logins == by_listener_.end()) return;
  const auto serials = logins->second.by_network.find(network);
  if (serials == logins->second.by_network.end()) return;
  logins->second.count -= serials->second.erase(serial);
  if (serials->second.empty()) logins->second.by_network.erase(serials);
}

std::size_t Admission::count(const std::string& listener) const {
  const auto logins = by_listener_.find(listener);
  return logins == by_listener_.end() ? 0 : logins->second.count;
}

std::uint64_t Admission::victim(const std::string& listener) const {
  const auto logins = by_listener_.find(listener);
  if (logins == by_listener_.end() || logins->second.by_network.empty()) return 0;
  const auto& networks = logins->second.by_network;
  const auto largest = std::max_element(networks.begin(), networks.end(), [](const auto& one, const auto& other) {
    return one.second.size() < other.second.size();
  });
  return *largest->second.begin();
}

}  // namespace usher
