// Clients and workers brought together, in whatever order the news of workers come.
#include "server/dispatcher.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/system.h"
#include "handover/hand_over.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Front {
  Front() {
    check(::mkdir(directory.path("db").c_str(), 0700), "mkdir");
    registry.emplace(directory.path(), Registry::Open::create);
    dispatcher.meet_pool(directory.path());
    dispatcher.introduced();
  }

  // A worker whose id is in the ready queue; its own end of the channel.
  struct Ready {
    Job job;
    Channel listeners_end;
    Channel own_end;
  };
  Ready make_ready() {
    auto [listeners_end, own_end] = make_channel();
    Ready ready{{}, std::move(listeners_end), std::move(own_end)};
    ready.job.id = JobId::random();
    ready.job.number = ++number;
    ready.job.pool = ready.job.name = "generic";
    ready.job.status = JobStatus::ready;
    Registry::Update update(*registry);
    update.make_ready(ready.job);
    update.commit();
    return ready;
  }

  void announce(Ready& ready) { dispatcher.worker_channel({ready.job.id.bytes, "generic"}, std::move(ready.listeners_end)); }

  // Nothing of the old one's is in the queue any more.
  void next_pool() {
    for (const JobId& id : registry->queued()) {
      Registry::Update update(*registry);
      update.withdraw("generic", id);
      update.commit();
    }
    has_pool = true;
    dispatcher.meet_pool(directory.path());
    dispatcher.introduced();
  }

  void lose_pool() {
    has_pool = false;
    dispatcher.pool_is_gone();
  }

  VisitorPtr visit(bool may_wait = true) {
    auto visitor = std::make_shared<Visitor>();
    auto [fd, clients_end] = make_stream_pair();
    visitor->serial = ++number;
    visitor->fd = std::move(fd);
    visitor->pool = "generic";
    visitor->may_wait = may_wait;
    visitor->pending_until = Instant::max();
    clients.push_back(std::move(clients_end));
    dispatcher.add(visitor);
    return visitor;
  }

  // Until all that is to be done at once is done.
  void run() {
    const auto end = loop.after(std::chrono::milliseconds(50), [this] { loop.stop(); });
    loop.run();
  }

  JobStatus status_of(const Ready& ready) { return registry->find(ready.job.number)->status; }

  TemporaryDirectory directory;
  std::optional<Registry> registry;
  std::uint32_t number = 0;
  std::vector<UniqueFd> clients;
  std::function<void()> come = [] {};  // when the pool is heard
  bool has_pool = true;
  std::vector<VisitorPtr> turned_away;
  std::vector<std::uint64_t> parked;
  EventLoop loop;
  Dispatcher dispatcher{loop,
                        {[](const Visitor&) { return HandOver{}; }, [](Visitor&) {}, [](const SpawnWorker&, const UniqueFd&) { return false; },
                         [this] {
                           std::exchange(come, [] {})();
                           return has_pool;
                         },
                         [](const VisitorPtr&, Delivery::Event) {},
                         [this](const VisitorPtr& visitor) { dispatcher.add(visitor); }, [](const VisitorPtr&) {},
                         [this](const VisitorPtr& visitor) {
                           turned_away.push_back(visitor);
                           dispatcher.remove(*visitor);
                         },
                         [](const VisitorPtr&) {}, [](const std::string&, std::size_t) {},
                         [this](const Visitor& visitor) { parked.push_back(visitor.serial); }}};
};

bool has_client(Front::Ready& ready) {
  Packet packet;
  return ready.own_end.receive(packet, 1) == Received::packet && packet.descriptors() == 1;
}

}  // namespace

TEST_CASE(
    "dispatcher: a worker whose id comes before its announcement is heard of, and no other is taken in its place") {
  Front front;
  auto first = front.make_ready();
  auto second = front.make_ready();
  front.announce(second);
  const auto visitor = front.visit();
  SUBCASE("because the announcement is there and was not read yet") {
    front.come = [&] { front.announce(first); };
    front.run();
  }
  SUBCASE("because the announcement is late") {
    front.run();
    CHECK(visitor->state == Visitor::State::pending);
    front.announce(first);
    front.run();
  }
  CHECK(visitor->state == Visitor::State::handed_over);
  CHECK(has_client(first));
  CHECK_FALSE(has_client(second));
  CHECK(front.status_of(first) == JobStatus::assigned);
  CHECK(front.status_of(second) == JobStatus::ready);
}

TEST_CASE("dispatcher: the id of a worker that ended while it was idle is passed over") {
  Front front;
  auto ended = front.make_ready();
  auto living = front.make_ready();
  front.announce(ended);
  front.announce(living);
  ended.own_end.close();
  front.run();
  const auto visitor = front.visit(false);
  front.run();
  CHECK(visitor->state == Visitor::State::handed_over);
  CHECK(has_client(living));
}

TEST_CASE("dispatcher: the worker for the next client is taken out of the queue in advance") {
  Front front;
  auto first = front.make_ready();
  auto second = front.make_ready();
  auto third = front.make_ready();
  for (Front::Ready* worker : {&first, &second, &third}) front.announce(*worker);
  front.visit();
  front.run();
  CHECK(has_client(first));
  CHECK(front.registry->queued() == std::set<JobId>{third.job.id});
  CHECK(front.status_of(second) == JobStatus::ready);
  SUBCASE("the next client gets it") {
    const auto visitor = front.visit();
    CHECK(visitor->state == Visitor::State::handed_over);
    CHECK(has_client(second));
    front.run();
    CHECK(front.status_of(second) == JobStatus::assigned);
  }
  SUBCASE("it ends before: the next client gets another") {
    second.own_end.close();
    front.run();
    const auto visitor = front.visit();
    front.run();
    CHECK(visitor->state == Visitor::State::handed_over);
    CHECK(has_client(third));
  }
}

TEST_CASE("dispatcher: nobody waits for a worker that ended with its pool, wherever its id was then") {
  Front front;
  auto before = front.make_ready();
  auto ended = front.make_ready();
  front.announce(before);
  front.announce(ended);
  VisitorPtr visitor;
  SUBCASE("in the queue") {
    ended.own_end.close();
    before.own_end.close();
    front.run();
    front.lose_pool();
    visitor = front.visit();
    front.run();
  }
  SUBCASE("in the queue, and the end of the pool is found when it is asked after that worker") {
    ended.own_end.close();
    before.own_end.close();
    front.run();
    front.come = [&] { front.lose_pool(); };
    visitor = front.visit();
    front.run();
    CHECK_FALSE(front.has_pool);
  }
  SUBCASE("taken out of it in advance") {
    front.visit();
    front.run();
    CHECK(has_client(before));
    CHECK(front.registry->queued().empty());
    ended.own_end.close();
    front.run();
    front.lose_pool();
    visitor = front.visit();
  }
  SUBCASE("given to a client, and the pool did not live to announce it") {
    before.own_end.close();
    ended.own_end.close();
    front.run();
    auto unannounced = front.make_ready();
    visitor = front.visit();
    front.run();
    CHECK(front.status_of(unannounced) == JobStatus::assigned);
    front.lose_pool();
  }
  SUBCASE("about to be taken out of it in advance") {
    front.visit();
    front.run();
    auto second = front.make_ready();
    front.announce(second);
    front.visit();
    second.own_end.close();
    front.lose_pool();
    front.run();
    visitor = front.visit();
  }
  CHECK(visitor->state == Visitor::State::pending);
  front.next_pool();
  auto next = front.make_ready();
  front.announce(next);
  front.run();
  CHECK(visitor->state == Visitor::State::handed_over);
  CHECK(has_client(next));
}

TEST_CASE("dispatcher: while a pool goes and comes even those who may not wait do, but not for long") {
  Front front;
  auto worker = front.make_ready();
  front.announce(worker);
  front.lose_pool();
  const auto visitor = front.visit(false);
  front.run();
  front.next_pool();
  front.run();
  CHECK(front.turned_away.empty());
  SUBCASE("the new pool has a worker") {
    auto next = front.make_ready();
    front.announce(next);
    front.run();
    CHECK(has_client(next));
    const auto second = front.visit(false);
    front.run();
    CHECK(front.turned_away == std::vector{second});
  }
  SUBCASE("it has none") {
    for (int i = 0; i < 100 && front.turned_away.empty(); ++i) front.run();
    CHECK(front.turned_away == std::vector{visitor});
  }
}

TEST_CASE(
    "dispatcher: of those who may not wait as many stay as workers are on their way, the others are turned away") {
  Front front;
  auto earlier = front.make_ready();
  front.announce(earlier);
  front.visit();
  front.run();
  auto late = front.make_ready();
  const auto first = front.visit(false);
  front.run();
  const auto second = front.visit(false);
  const auto third = front.visit(false);
  front.run();
  CHECK(first->state == Visitor::State::pending);
  CHECK(front.turned_away == std::vector{third, second});
  front.announce(late);
  front.run();
  CHECK(has_client(late));
}

TEST_CASE("dispatcher: who has to wait is parked before the next one is let in, so a listener that is killed loses one at the most") {
  Front front;
  std::vector<std::uint64_t> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(front.visit()->serial);
    CHECK(front.parked == all);
  }
}
