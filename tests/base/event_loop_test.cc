#include "base/event_loop.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include <string>

#include "tests/support/descriptors.h"

using namespace usher;
using namespace std::chrono_literals;

namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
  void fill() const { REQUIRE(::write(write.get(), "x", 1) == 1); }
  UniqueFd read, write;
};

}  // namespace

TEST_CASE("event loop: what is ready is called, what is due is called in order, deferred work comes last") {
  const std::size_t before = testing::open_descriptors();
  {
    EventLoop loop;
    Pipe pipe;
    std::string order;
    pipe.fill();
    EventLoop::Watch watch;
    watch = loop.watch(pipe.read.get(), EPOLLIN, [&](std::uint32_t) {
      order += 'r';
      loop.defer([&] { order += 'd'; });
      watch.end();
    });
    auto late = loop.after(20ms, [&] {
      order += '2';
      loop.stop();
    });
    auto early = loop.after(10ms, [&] { order += '1'; });
    auto cancelled = loop.after(15ms, [&] { order += '!'; });
    cancelled.end();
    CHECK(late.pending());
    loop.run();
    CHECK(order == "rd12");
    CHECK_FALSE(late.pending());
  }
  CHECK(testing::open_descriptors() == before);
}

TEST_CASE("event loop: a watch ended by another callback of the same round is not called") {
  EventLoop loop;
  Pipe one;
  Pipe two;
  one.fill();
  two.fill();
  EventLoop::Watch first;
  EventLoop::Watch second;
  int calls = 0;
  first = loop.watch(one.read.get(), EPOLLIN, [&](std::uint32_t) {
    ++calls;
    second.end();
    first.end();
  });
  second = loop.watch(two.read.get(), EPOLLIN, [&](std::uint32_t) {
    ++calls;
    first.end();
    second.end();
  });
  loop.run_once();
  CHECK(calls == 1);
}

TEST_CASE("event loop: work deferred by deferred work waits for the next round, without a pause") {
  EventLoop loop;
  int rounds = 0;
  loop.defer([&] {
    ++rounds;
    loop.defer([&] { ++rounds; });
  });
  loop.run_once();
  CHECK(rounds == 1);
  loop.run_once();
  CHECK(rounds == 2);
}
