#include "server/listening_places.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/outgoing_socket.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr int kAcceptsARound = 16;
constexpr unsigned kMarginsKept = 2;  // one for channels to workers, one for all else
constexpr auto kRest = 5ms;
constexpr auto kPause = 100ms;        // when there is no descriptor or memory for another client

}  // namespace

// ---- configurations ----

bool ListeningPlaces::next_is_complete() const {
  return std::all_of(next_.begin(), next_.end(),
                     [](const ListeningPlace& place) { return place.socket || place.config.is_public(); });
}

void ListeningPlaces::follow() {
  std::vector<ListeningPlace> before = std::exchange(places_, std::exchange(next_, {}));
  if (!stopped_ && !resume_.pending()) watch_all();
  for (ListeningPlace& place : before) {
    if (place.socket && !has_socket(place.socket.get())) give_up(std::move(place));
  }
}

const ListeningPlace* ListeningPlaces::named(const std::string& name) const {
  const auto place = std::find_if(places_.begin(), places_.end(),
                                  [&](const ListeningPlace& other) { return other.socket && other.config.name == name; });
  return place == places_.end() ? nullptr : &*place;
}

std::uint16_t ListeningPlaces::number_of(const std::string& name) const {
  const ListeningPlace* place = named(name);
  return place == nullptr ? std::uint16_t{0} : static_cast<std::uint16_t>(place - places_.data());
}

bool ListeningPlaces::has_socket(int socket) const {
  return std::any_of(places_.begin(), places_.end(),
                     [&](const ListeningPlace& place) { return place.socket && is_same_socket(place.socket.get(), socket); });
}

void ListeningPlaces::give_up(ListeningPlace place) {
  place.watch.end();
  const auto last = outgoing_.insert(outgoing_.end(), Outgoing{std::move(place), {}});
  watch(last->place);
  last->end = loop_.after(kOutgoingSocketTime, [this, last] { outgoing_.erase(last); });
}

void ListeningPlaces::stop_accepting() {
  stopped_ = true;
  for (ListeningPlace& place : places_) place.watch.end();
}

void ListeningPlaces::close() {
  stop_accepting();
  resume_.end();
  places_.clear();
  outgoing_.clear();
}

// ---- clients ----

void ListeningPlaces::watch(ListeningPlace& place) {
  if (!place.socket || place.watch) return;
  place.watch = loop_.watch(place.socket.get(), EPOLLIN, [this, &place](std::uint32_t) { accept(place); });
}

void ListeningPlaces::watch_all() {
  for (ListeningPlace& place : places_) watch(place);
}

void ListeningPlaces::accept(const ListeningPlace& place) {
  const int few_left = first_of_the_last(kMarginsKept);
  for (int i = 0; i < kAcceptsARound && place.watch; ++i) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    UniqueFd client(::accept4(place.socket.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));  // NOLINT
    const int number = client.get();
    if (client) {
      meet(place, std::move(client), endpoint_from(peer, length));
    } else if (errno == EAGAIN) {
      return;
    } else if (is_shortage(errno)) {
      return pause(errno);
    }
    if (number >= few_left) return pause(EMFILE);
  }
}

void ListeningPlaces::meet(const ListeningPlace& place, UniqueFd client, const Endpoint& from) {
  const ListeningPlace* now = named(place.config.name);
  now != nullptr ? callbacks_.admit(*now, std::move(client), from) : callbacks_.refuse(place, std::move(client));
}

// The clients stay in the backlog meanwhile.
void ListeningPlaces::pause(int error) {
  complaint_.tell("accept_paused", {{"reason", std::generic_category().message(error)}});
  rest(kPause);
}

void ListeningPlaces::rest() {
  if (!resume_.pending()) rest(kRest);
}

void ListeningPlaces::rest(Clock::duration time) {
  for (ListeningPlace& place : places_) place.watch.end();
  for (Outgoing& outgoing : outgoing_) outgoing.place.watch.end();
  resume_ = loop_.after(time, [this] { resume(); });
}

void ListeningPlaces::resume() {
  if (!callbacks_.ready()) return rest(kRest);
  const auto any = std::find_if(places_.begin(), places_.end(), [](const ListeningPlace& place) { return bool{place.socket}; });
  const UniqueFd probe(any == places_.end() ? -1 : ::fcntl(any->socket.get(), F_DUPFD_CLOEXEC, 0));
  if (!probe || is_one_of_the_last(probe.get(), kMarginsKept)) return pause(EMFILE);
  if (!stopped_) watch_all();
  for (Outgoing& outgoing : outgoing_) watch(outgoing.place);
}

}  // namespace usher
