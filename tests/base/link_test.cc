#include "base/link.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <ctime>
#include <memory>
#include <vector>

#include "tests/support/descriptors.h"

using namespace usher;

namespace {

enum class Kind : std::uint8_t { number = 1 };

struct Number {
  static constexpr auto kKind = Kind::number;
  std::uint32_t value = 0;
  static auto fields(auto& m) { return std::tie(m.value); }
};

}  // namespace

TEST_CASE("link: what a slow peer cannot take yet arrives in order, with its descriptors") {
  const std::size_t before = testing::open_descriptors();
  {
    EventLoop loop;
    auto [left, right] = make_channel();
    Link sender(loop, std::move(left), [](Packet&) {}, [](const std::string&) {});
    constexpr std::uint32_t kCount = 2000;
    for (std::uint32_t i = 0; i < kCount; ++i) {
      sender.send(Number{i}, UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    }
    CHECK(sender.waiting() > 0);
    std::uint32_t next = 0;
    Link receiver(loop, std::move(right),
                  [&](Packet& packet) {
                    CHECK(packet.as<Number>().value == next++);
                    CHECK(packet.descriptors() == 1);
                    if (next == kCount) loop.stop();
                  },
                  [](const std::string&) {});
    loop.run();
    CHECK(next == kCount);
    CHECK(sender.waiting() == 0);
  }
  CHECK(testing::open_descriptors() == before);
}

TEST_CASE("link: a peer that breaks the protocol is reported once, and may take the link with it") {
  EventLoop loop;
  auto [left, right] = make_channel();
  std::string why;
  std::unique_ptr<Link> link;
  link = std::make_unique<Link>(
      loop, std::move(right), [](Packet&) { throw ProtocolError("nonsense"); },
      [&](const std::string& reason) {
        why = reason;
        link.reset();
        loop.stop();
      });
  REQUIRE(left.send(Number{1}));
  REQUIRE(left.send(Number{2}));
  loop.run();
  CHECK(why == "nonsense");
}

TEST_CASE("link: the last words of a peer can be heard before the loop comes to them") {
  EventLoop loop;
  auto [left, right] = make_channel();
  std::string heard;
  Link link(
      loop, std::move(right), [&](Packet& packet) { heard += std::to_string(packet.as<Number>().value) + " "; },
      [&](const std::string& reason) { heard += reason; });
  link.hear_now();
  CHECK(heard.empty());
  REQUIRE(left.send(Number{1}));
  REQUIRE(left.send(Number{2}));
  left.close();
  link.hear_now();
  CHECK(heard == "1 2 it is gone");
  link.hear_now();
  CHECK(heard == "1 2 it is gone");
}

TEST_CASE("link: a peer that goes is reported") {
  EventLoop loop;
  auto [left, right] = make_channel();
  std::string why;
  Link link(loop, std::move(right), [](Packet&) {}, [&](const std::string& reason) {
    why = reason;
    loop.stop();
  });
  left.close();
  loop.run();
  CHECK(why == "it is gone");
}

TEST_CASE("link: a peer that never reads is reported instead of being waited for") {
  EventLoop loop;
  auto [left, right] = make_channel();
  std::string why;
  Link link(loop, std::move(left), [](Packet&) {}, [&](const std::string& reason) {
    why = reason;
    loop.stop();
  });
  for (std::size_t i = 0; i < Link::kMaxWaiting + 1000; ++i) link.send(Number{1});
  loop.run();
  CHECK(why == "it does not read");
}

TEST_CASE("link: with hardly a descriptor left nothing is read that brings one, and no processor time is spent on waiting") {
  EventLoop loop;
  auto [left, right] = make_channel();
  Link sender(loop, std::move(left), [](Packet&) {}, [](const std::string&) {});
  std::vector<UniqueFd> kept;
  Link receiver(loop, std::move(right), [&](Packet& packet) { kept.push_back(packet.take_descriptor(0)); },
                [](const std::string&) {});
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (std::uint32_t i = 0; i < 40; ++i) sender.send(Number{i}, UniqueFd(::fcntl(null.get(), F_DUPFD_CLOEXEC, 0)));

  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(null.get()) + 24;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  const auto run_for = [&](std::chrono::milliseconds time) {
    const auto end = loop.after(time, [&] { loop.stop(); });
    loop.run();
  };
  const std::clock_t used = std::clock();
  run_for(std::chrono::milliseconds(500));
  CHECK(std::clock() - used < CLOCKS_PER_SEC / 10);
  CHECK(kept.size() > 4);
  CHECK(kept.size() < 24);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  run_for(std::chrono::milliseconds(500));
  CHECK(kept.size() == 40);
}
