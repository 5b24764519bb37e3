// Every message between processes, as its receiver takes it: packet by packet through a real channel and the table of
// what the sender may say when, then read by its list of fields. What was read is written back as the same bytes.
//
// Shape:  the receiver (1 byte), then for each packet: state, descriptors sent, descriptors that may come (1 byte
// each),
//         length (2 bytes), bytes.
#include <fcntl.h>

#include <algorithm>

#include "base/service_messages.h"
#include "handover/announcement.h"
#include "handover/hand_over.h"
#include "handover/job_messages.h"
#include "tests/fuzz/fuzz.h"
#include "worker/control_messages.h"
#include "worker/login_messages.h"
#include "worker/pool_messages.h"
#include "worker/public_messages.h"
#include "worker/starter_messages.h"

using namespace usher;

namespace {

constexpr unsigned kStates = 32;  // as many as a table has bits for

template <class M>
void read_and_write(std::span<const std::uint8_t> bytes) {
  const M message = decode<M>(bytes);
  std::array<std::uint8_t, kMaxMessage> room{};
  const std::size_t size = encode(message, room);
  fuzz::demand(std::ranges::equal(bytes, std::span(room).first(size)), "a message has one form");
}

// Of all that one side of a channel may say.
struct Receiver {
  std::span<const Request> table;  // empty: the sender is trusted with the order
  void (*read)(const Packet& packet);
};

template <class... M>
void read_any(const Packet& packet) {
  const auto read_if_it_is = [&]<class One>(std::type_identity<One>) {
    if (packet.kind() != static_cast<std::uint8_t>(One::kKind)) return false;
    read_and_write<One>(packet.bytes());
    return true;
  };
  (void)(read_if_it_is(std::type_identity<M>{}) || ...);
}

// The messages in the order of the table's rows.
template <const auto& table, class... M>
constexpr Receiver by_table() {
  constexpr std::array kinds{static_cast<std::uint8_t>(M::kKind)...};
  static_assert(std::ranges::equal(table, kinds, {}, &Request::kind), "every row of the table has its message here");
  return {table, read_any<M...>};
}
template <class... M>
constexpr Receiver by_kind() {
  return {{}, read_any<M...>};
}

constexpr std::array kReceivers{
    by_table<kLoginRequests, LoginReady, ClientAddress, SignHandshake, Secured, StartLogin, Answer, ListPrograms,
             RunProgram, SessionKeys>(),
    by_table<kListenerRequests, HandOver, Evict, Verdict, Withdrawn>(),
    by_table<kSharedRequests, HandOver>(),
    by_table<kWorkerReports, Taken, LoginOver, ClientHost, Attempt, LoginFailed, LoginSucceeded, NoRoom>(),
    by_table<kPoolAnnouncements, WorkerChannel, Introduced, SharedChannel, SharedReady, OwnChannel>(),
    by_table<kListenerWishes, SpawnWorker>(),
    by_table<kListenerServiceRequests, ServiceReady, ServiceFailed, ParkClient, UnparkClient>(),
    by_table<kPoolServiceRequests, ServiceReady, ServiceFailed, StartWorker, EndWorker, RetireWorker>(),
    by_table<kWorkerJobReports, Joined, Resume, TookClient, LogPipe, OwnProgram, Claim, Active, Ended>(),
    by_table<kTemplateReports, TemplateReady, TemplateFailed, Forked, ForkFailed>(),
    by_table<kWorkerNotices, WorkerReady, ClientTaken, SessionStarted, SessionEnding>(),
    by_table<kControlRequests, AskStatus, AskStop, AskReload, AskEndJob, AskRestart, AskResetFigures>(),
    by_kind<ServeClient, Signature, Ask, Tell, Refused, Accepted, ProgramItem, ProgramListEnd, NoSuchProgram, BeRelay,
            Finish, GiveKeys>(),
    by_kind<Granted, Denied, Retire>(),
    by_kind<Prepare, ForkWorker>(),
    by_kind<EndJob>(),
    by_kind<Fact, Progress, Done>(),
    by_kind<Configure, ListeningSocket, PeerChannel, WorkerForked, WorkerFailed, WorkerEnded, Stop, Leave,
            PublicChannel, EndPublicJob, ResetFigures, ParkedClient>(),
    by_table<kJobRequests, WhoAmI, Give, Take>(),
    by_kind<YourJob, AskRefused, Offer, Found>(),
    by_kind<Parcel>(),
    by_kind<Took>(),
    by_table<kPublicServiceRequests, ServiceReady, ServiceFailed, RunningPrograms>(),
    by_table<kPublicReports, OwnLog, NeedNumbers, PublicBegan, PublicEnded>(),
    by_kind<Numbers>(),
};

int lowest_free_descriptor() {
  return UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)).get();
}

void send(const Channel& channel, std::string_view bytes, std::size_t descriptors) {
  std::array<int, kMaxDescriptors> some{};
  some.fill(STDERR_FILENO);
  channel.send_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                     std::span(some).first(descriptors));
}

// Throws at the first packet that breaks the protocol, as every receiver does.
void receive_all(const Receiver& receiver, fuzz::Input& input) {
  const ChannelPair channel = make_channel();
  Gate gate(receiver.table);
  while (!input.empty()) {
    const unsigned state = input.byte() % kStates;
    const std::size_t sent = input.byte() % (kMaxDescriptors + 1);
    const std::size_t allowed = input.byte() % (kMaxDescriptors + 1);
    send(channel.theirs, input.bytes(input.number(2) % (kMaxMessage + 2)), sent);
    Packet packet;
    if (channel.ours.receive(packet, allowed) != Received::packet) return;
    fuzz::demand(packet.descriptors() <= allowed, "no more descriptors come than may");
    if (!receiver.table.empty()) gate.check(packet, state);
    receiver.read(packet);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const int free_before = lowest_free_descriptor();
  try {
    receive_all(kReceivers.at(input.byte() % kReceivers.size()), input);
  } catch (const ProtocolError&) {
    // The peer is ended.
  }
  fuzz::demand(lowest_free_descriptor() == free_before, "no descriptor is left over");
  return 0;
}
