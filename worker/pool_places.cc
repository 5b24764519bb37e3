#include "worker/pool_places.h"

#include <algorithm>

namespace usher {
namespace {

bool below(std::uint32_t count, std::uint32_t limit) {
  return limit == 0 || count < limit;
}

template <class Key>
void less(std::map<Key, std::uint32_t>& counts, const Key& key) {
  const auto found = counts.find(key);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

}  // namespace

bool SessionPlaces::has_room(const Configuration& configuration, const SessionPlace& place) const {
  const auto listener = std::find_if(configuration.listeners.begin(), configuration.listeners.end(),
                                     [&](const ListenerConfig& config) { return config.name == place.listener; });
  if (listener != configuration.listeners.end()) {
    if (!below(count(by_listener_, place.listener), listener->max_sessions)) return false;
    const std::uint32_t kept = configuration.reserved.sessions_kept();
    const bool bounded = kept > 0 && !place.reserved;
    if (bounded && !below(count(others_by_listener_, place.listener), listener->max_sessions - kept)) return false;
  }
  const ProgramConfig* program = configuration.program(place.program);
  return program == nullptr ||
         (below(count(by_program_, place.program), program->max_sessions) &&
          below(count(by_program_and_user_, {place.program, place.user}), program->max_sessions_per_user));
}

void SessionPlaces::take(const SessionPlace& place) {
  ++by_listener_[place.listener];
  if (!place.reserved) ++others_by_listener_[place.listener];
  ++by_program_[place.program];
  ++by_program_and_user_[{place.program, place.user}];
}

void SessionPlaces::give_back(const SessionPlace& place) {
  less(by_listener_, place.listener);
  if (!place.reserved) less(others_by_listener_, place.listener);
  less(by_program_, place.program);
  less(by_program_and_user_, {place.program, place.user});
}

}  // namespace usher
