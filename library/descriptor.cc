#include "usher/descriptor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/system.h"
#include "handover/job_messages.h"
#include "handover/jobs_socket.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

static_assert(USHER_MOST_DESCRIPTORS == kMaxDescriptors && USHER_MOST_CONTROL_DATA == kMaxParcelData);
static_assert(USHER_JOB_NAME_SIZE == kMaxJobName + 1);

constexpr auto kAnswerTime = 5s;  // for the pool to say which job this is
constexpr auto kParcelTime = 5s;  // from an offer until its giver has sent

Instant deadline_of(Wait wait) {
  if (wait.is_for_ever()) return Instant::max();
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(wait.duration());
}

[[noreturn]] void refuse_to_give(const Packet& packet, const std::string& job) {
  switch (packet.as<AskRefused>().reason) {
    case RefusalReason::no_such_job: break;
    case RefusalReason::not_authorized: throw Error(ErrorCode::not_authorized, "job " + job + " is another user's");
    case RefusalReason::no_job_yourself: throw Error(ErrorCode::not_authorized, "give: this process belongs to no job");
  }
  throw Error(ErrorCode::job_not_found, "there is no job " + job);
}

bool is(const Packet& packet, PoolAnswers kind) {
  return packet.kind() == static_cast<std::uint8_t>(kind);
}

// Before the pool is asked once more: it was restarted, whoever it had found died, or it has no room for us.
class Pauses {
 public:
  void pause(Instant deadline) {
    std::this_thread::sleep_until(std::min(deadline, Clock::now() + next_));
    next_ = std::min<Clock::duration>(2 * next_, 500ms);
  }
  void reset() { next_ = kShortest; }

 private:
  static constexpr Clock::duration kShortest = 2ms;
  Clock::duration next_ = kShortest;
};

// ---- to give ----

class Giver {
 public:
  Giver(std::string_view job, std::span<const int> descriptors, std::string_view data, Instant deadline)
      : job_(job), descriptors_(descriptors), parcel_{data}, deadline_(deadline) {}

  bool run() {
    while (true) {
      const std::optional<Channel> taker = find_taker();
      if (taker && send_to(*taker)) return true;
      if (Clock::now() >= deadline_) return false;
      pauses_.pause(deadline_);
    }
  }

 private:
  // Empty when the wait is over, or the pool is gone: there will be a new one.
  std::optional<Channel> find_taker() {
    const Channel pool = connect_to_pool();
    Packet answer;
    if (!pool.send(Give{job_}) || pool.wait_receive(answer, deadline_, 1) != Received::packet) return std::nullopt;
    if (is(answer, PoolAnswers::refused)) refuse_to_give(answer, job_);
    answer.as<Found>();
    return Channel(answer.take_descriptor(0));
  }

  bool send_to(const Channel& taker) {
    if (!taker.send(parcel_, descriptors_)) return false;
    if (heard_took(taker, deadline_)) return true;
    ::shutdown(taker.fd(), SHUT_RD);  // from here on the taker cannot say Took
    return heard_took(taker, Clock::now());
  }

  static bool heard_took(const Channel& taker, Instant deadline) {
    Packet answer;
    if (taker.wait_receive(answer, deadline, 0) != Received::packet) return false;
    answer.as<Took>();
    return true;
  }

  std::string job_;
  std::span<const int> descriptors_;
  Parcel parcel_;
  Instant deadline_;
  Pauses pauses_;
};

void check_descriptors(std::span<const int> descriptors) {
  if (descriptors.empty() || descriptors.size() > kMaxDescriptors) {
    throw Error(ErrorCode::invalid_argument, "descriptors: " + std::to_string(descriptors.size()) + " is not 1 to 16");
  }
  for (const int fd : descriptors) {
    if (::fcntl(fd, F_GETFD) < 0) {
      throw Error(ErrorCode::invalid_argument, "descriptors: " + std::to_string(fd), errno);
    }
  }
}

}  // namespace

JobIdentity own_job() {
  const OwnJob job = ask_own_job(kAnswerTime);
  return {job.id, job.name};
}

bool give(std::string_view job, std::span<const int> descriptors, std::string_view data, Wait wait) {
  check_descriptors(descriptors);
  if (data.size() > kMaxParcelData) throw Error(ErrorCode::too_long, "data: longer than 1,024 bytes");
  if (job.empty() || job.size() > kMaxJobName) throw Error(ErrorCode::invalid_argument, "job: is no id and no name");
  return Giver(job, descriptors, data, deadline_of(wait)).run();
}

// ---- to take ----

// Asks the pool, then waits for its offer; with an offer, for what its giver sends.
struct Taker::State {
  Take wish;
  UniqueFd epoll;
  Channel pool;
  Channel giver;
  Offer offer;
  Instant offered{};
  Pauses pauses;

  void watch(const Channel& channel) const {
    epoll_event event{};
    event.events = EPOLLIN;
    check(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, channel.fd(), &event), "watch a channel");
  }

  void ask() {
    if (giver && Clock::now() > offered + kParcelTime) giver.close();
    if (pool || giver) return;
    pool = connect_to_pool();
    watch(pool);
    if (!pool.send(wish)) pool.close();
  }

  std::optional<Given> step() {
    ask();
    if (!giver) hear_pool();
    return giver ? hear_giver() : std::nullopt;
  }

  void hear_pool() {
    Packet packet;
    const Received received = pool ? pool.receive(packet, 1) : Received::closed;
    if (received == Received::nothing) return;
    pool.close();
    if (received == Received::closed) return;
    if (is(packet, PoolAnswers::refused)) throw Error(ErrorCode::job_not_found, "this process belongs to no job");
    offer = packet.as<Offer>();
    giver = Channel(packet.take_descriptor(0));
    offered = Clock::now();
    pauses.reset();
    watch(giver);
  }

  // What is no parcel has not been taken, and its giver hears that by the end of the channel.
  std::optional<Given> hear_giver() try {
    Packet packet;
    if (giver.receive(packet, kMaxDescriptors) == Received::nothing) return std::nullopt;
    return take_parcel(packet, std::exchange(giver, {}));
  } catch (const ProtocolError&) {
    giver.close();
    if (!has_room()) throw Error(ErrorCode::io, "take", EMFILE);
    return std::nullopt;
  }

  // Where this process has none for all descriptors of a parcel the kernel closes those that are too many.
  bool has_room() const {
    std::array<UniqueFd, kMaxDescriptors> probes;
    return std::all_of(probes.begin(), probes.end(), [this](UniqueFd& probe) {
      probe.reset(::fcntl(epoll.get(), F_DUPFD_CLOEXEC, 0));
      return static_cast<bool>(probe);
    });
  }

  std::optional<Given> take_parcel(Packet& packet, const Channel& from) const {
    if (packet.bytes().empty()) return std::nullopt;  // it has gone
    Given given;
    given.data = packet.as<Parcel>().data.str();
    if (packet.descriptors() == 0) return std::nullopt;
    if (!from.send(Took{})) return std::nullopt;  // it has withdrawn
    for (std::size_t i = 0; i < packet.descriptors(); ++i) {
      given.descriptors.emplace_back(packet.take_descriptor(i).release());
    }
    if (!offer.giver_name.empty()) given.giver = {JobId{offer.giver}.hex(), offer.giver_name.str()};
    given.user = offer.user;
    given.process = offer.process;
    return given;
  }

  void wait(Instant deadline) {
    if (!pool && !giver) return pauses.pause(deadline);
    pollfd ready{epoll.get(), POLLIN, 0};
    const Instant until = giver ? std::min(deadline, offered + kParcelTime) : deadline;
    if (::poll(&ready, 1, milliseconds_until(until)) < 0 && errno != EINTR) throw_errno("wait for a descriptor");
  }
};

Taker::Taker(std::string_view source) : state_(std::make_unique<State>()) {
  state_->epoll.reset(check(::epoll_create1(EPOLL_CLOEXEC), "make a set of descriptors"));
  if (source.empty()) return;
  const auto id = JobId::from_hex(source);
  if (!id) throw Error(ErrorCode::invalid_argument, "source: is not the id of a job");
  state_->wish.source = id->bytes;
}

Taker::Taker(Taker&&) noexcept = default;
Taker& Taker::operator=(Taker&&) noexcept = default;
Taker::~Taker() = default;

std::optional<Given> Taker::take(Wait wait) {
  const Instant deadline = deadline_of(wait);
  while (true) {
    if (auto given = state_->step()) return given;
    if (Clock::now() >= deadline) return std::nullopt;
    state_->wait(deadline);
  }
}

int Taker::fd() {
  state_->ask();
  return state_->epoll.get();
}

}  // namespace usher
