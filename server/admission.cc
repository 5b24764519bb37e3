#include "server/admission.h"

namespace usher {

void Admission::add(const std::string& listener, const std::string& network, std::uint64_t serial) {
  Logins& logins = by_listener_[listener];
  Serials& serials = logins.by_network[network];
  if (!serials.empty()) logins.ranks.erase(rank_of(serials));
  const std::size_t before = serials.size();
  serials.insert(serials.end(), serial);  // mostly the latest of all
  logins.count += serials.size() - before;
  logins.ranks.insert(rank_of(serials));
}

void Admission::remove(const std::string& listener, const std::string& network, std::uint64_t serial) {
  const auto logins = by_listener_.find(listener);
  if (logins == by_listener_.end()) return;
  const auto serials = logins->second.by_network.find(network);
  if (serials == logins->second.by_network.end()) return;
  logins->second.ranks.erase(rank_of(serials->second));
  logins->second.count -= serials->second.erase(serial);
  if (serials->second.empty()) {
    logins->second.by_network.erase(serials);
  } else {
    logins->second.ranks.insert(rank_of(serials->second));
  }
}

std::size_t Admission::count(const std::string& listener) const {
  const auto logins = by_listener_.find(listener);
  return logins == by_listener_.end() ? 0 : logins->second.count;
}

std::uint64_t Admission::victim(const std::string& listener) const {
  const auto logins = by_listener_.find(listener);
  if (logins == by_listener_.end() || logins->second.ranks.empty()) return 0;
  return logins->second.ranks.rbegin()->oldest;
}

}  // namespace usher
