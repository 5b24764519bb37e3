#include "worker/pool_roads.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <stdexcept>

#include "base/system.h"
#include "handover/hand_over.h"

namespace usher {
namespace {

UniqueFd copy_of(const Channel& channel) {
  return UniqueFd(check(::fcntl(channel.fd(), F_DUPFD_CLOEXEC, 0), "duplicate a channel"));
}

// Behind its client stands the word that it is withdrawn. One whose listener has died without a word is to be served.
bool is_withdrawn(int workers_end) {
  int unread = 0;
  check(::ioctl(workers_end, SIOCINQ, &unread), "ask what is unread");
  return static_cast<std::size_t>(unread) > kHandOverSize;
}

// Some clients ready to be taken for every worker that becomes free; others wait in the listener, where they are no descriptors
// in flight.
void limit_what_waits_in(const Channel& channel) {
  const int bytes = 32 * 1024;
  check(::setsockopt(channel.fd(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), "limit a channel");
}

}  // namespace

void PoolRoads::configure(const Configuration& configuration) {
  shared_.clear();
  for (const PoolConfig& pool : configuration.pools) {
    const Dispatch road = configuration.road_of(pool.name);
    if (road != Dispatch::shared && road != Dispatch::own) continue;
    ChannelPair pair = make_channel();
    if (road == Dispatch::own) limit_what_waits_in(pair.ours);
    Shared& shared = shared_[pool.name];
    shared = {std::move(pair.ours), std::move(pair.theirs), 0, road == Dispatch::own};
    announce_shared(pool.name, shared);
  }
  std::erase_if(wishes_, [&](const auto& entry) { return configuration.pool(entry.first) == nullptr; });
}

void PoolRoads::meet_listener(Channel channel) {
  if (listener_) listener_->hear_now();  // the last wishes of one that is dead
  gate_ = Gate(kListenerWishes);
  listener_ = std::make_unique<Link>(
      loop_, std::move(channel), [this](Packet& packet) { hear(packet); },
      [this](const std::string& why) {
        // Nobody makes a channel anew between two that live: a pool that is started anew gets one.
        if (why != "it is gone") throw std::runtime_error("the channel to the listener: " + why);
        listener_.reset();
      },
      1);
  for (const auto& [pool, shared] : shared_) announce_shared(pool, shared);
}

void PoolRoads::introduce() { listener_->send(Introduced{}); }

void PoolRoads::announce_shared(const std::string& pool, const Shared& shared) {
  if (!listener_) return;
  if (shared.own) {
    std::vector<UniqueFd> ends;
    ends.push_back(copy_of(shared.listeners_end));
    ends.push_back(copy_of(shared.workers_end));
    return listener_->send(OwnChannel{pool}, std::move(ends));
  }
  listener_->send(SharedChannel{pool}, copy_of(shared.listeners_end));
  listener_->send(SharedReady{pool, shared.idle});
}

void PoolRoads::announce(const JobId& id, const std::string& pool, const Channel& listeners_end) {
  if (listener_) listener_->send(WorkerChannel{id.bytes, pool}, copy_of(listeners_end));
}

void PoolRoads::announce_idle(const std::string& pool, std::uint32_t idle) {
  const auto shared = shared_.find(pool);
  if (shared == shared_.end() || shared->second.own || std::exchange(shared->second.idle, idle) == idle || !listener_) return;
  listener_->send(SharedReady{pool, idle});
}

UniqueFd PoolRoads::shared_end(const std::string& pool) const { return copy_of(shared_.at(pool).workers_end); }

void PoolRoads::hear(Packet& packet) {
  gate_.check(packet, PoolState::known);
  const auto wish = packet.as<SpawnWorker>();
  wishes_[wish.pool.str()].push_back({packet.take_descriptor(0), wish.may_wait});
  wished_();
}

UniqueFd PoolRoads::next_wish(const std::string& pool) {
  std::deque<Wish>& wishes = wishes_[pool];
  while (!wishes.empty()) {
    UniqueFd workers_end = std::move(wishes.front().workers_end);
    wishes.pop_front();
    if (!is_withdrawn(workers_end.get())) return workers_end;
  }
  return {};
}

void PoolRoads::refuse_impatient(const std::string& pool) {
  std::erase_if(wishes_[pool], [](Wish& wish) {
    if (wish.may_wait) return false;
    Channel channel(std::move(wish.workers_end));
    const bool told = channel.send(NoRoom{});
    if (!told) wish.workers_end = channel.release();  // its listener has died
    return told;
  });
}

}  // namespace usher
