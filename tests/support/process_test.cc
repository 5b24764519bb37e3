#include "tests/support/process.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/descriptors.h"
#include "tests/support/process_table.h"

using namespace usher;
using namespace usher::testing;
using namespace std::chrono_literals;

TEST_CASE("process: input, both outputs and the exit status are kept") {
  const std::size_t before = open_descriptors();
  const Result result = run({"/bin/sh", "-c", "cat; echo \"$COLOUR\" >&2; pwd; exit 3"},
                            {.input = "hello\n", .variables = {"COLOUR=blue"}, .working_directory = "/usr"});
  CHECK(result.ending.code == 3);
  CHECK(result.output == "hello\n/usr\n");
  CHECK(result.error_output == "blue\n");
  CHECK(open_descriptors() == before);
}

TEST_CASE("process: a variable replaces the one that was there, an empty environment is empty") {
  CHECK(run({"/bin/sh", "-c", "echo \"$HOME\""}, {.variables = {"HOME=/there"}}).output == "/there\n");
  CHECK(run({"/usr/bin/env"}, {.variables = {"A=b"}, .empty_environment = true}).output == "A=b\n");
}

TEST_CASE("process: a signal that ends it is told") {
  Process sleeper({"sleep", "600"});
  CHECK(is_running(sleeper.pid()));
  CHECK_FALSE(sleeper.wait_for_end(1ms));
  sleeper.signal(SIGTERM);
  const Ending ending = sleeper.wait();
  CHECK(ending.signal == SIGTERM);
  CHECK_FALSE(ending.code);
  CHECK_FALSE(is_running(sleeper.pid()));
}

TEST_CASE("process: it starts with default signals and ends with the test that started it") {
  pid_t pid = 0;
  {
    const auto ignored = std::signal(SIGPIPE, SIG_IGN);
    const Process sleeper({"sleep", "600"});
    std::signal(SIGPIPE, ignored);
    pid = sleeper.pid();
    CHECK(wait_until([&] { return command_line_of(pid) == "sleep 600"; }));
    const auto ignored_there = std::stoull(status_of(pid, "SigIgn"), nullptr, 16);
    CHECK((ignored_there & (1ULL << (SIGPIPE - 1))) == 0);
    CHECK(status_of(pid, "SigBlk") == "0000000000000000");
  }
  CHECK_FALSE(is_running(pid));
}

TEST_CASE("process: text is waited for, and not any longer once the process is gone") {
  Process speaker({"/bin/sh", "-c", "echo one; echo two >&2; read -r line; echo \"$line\""});
  CHECK(speaker.wait_for_text("one\n"));
  CHECK(speaker.wait_for_error_text("two\n"));
  CHECK_FALSE(speaker.wait_for_text("never"));
}

TEST_CASE("process: its descriptors can be a test's own") {
  auto [near, far] = make_stream_pair();
  Process echo({"cat"}, {.input_fd = far.get(), .output_fd = far.get()});
  far.reset();
  REQUIRE(::write(near.get(), "hi", 2) == 2);
  char answer[2];
  CHECK(::read(near.get(), answer, 2) == 2);
  near.reset();
  CHECK(echo.wait().code == 0);
}

TEST_CASE("process: a program that is not there is an error at once") {
  CHECK_THROWS_AS(Process({"/no/such/program"}), std::system_error);
}

TEST_CASE("process table: descendants, descriptors and memory of a process are found") {
  Process shell({"/bin/sh", "-c", "sleep 600 </dev/zero & echo $!; wait"});
  REQUIRE(shell.wait_for_text("\n"));
  const pid_t sleeper = std::stoi(shell.output());
  REQUIRE(wait_until([&] { return command_line_of(sleeper) == "sleep 600"; }));
  const auto below = descendants_of(getpid());
  REQUIRE(below.size() == 2);
  CHECK(below[0].pid == shell.pid());
  CHECK(below[1].pid == sleeper);
  CHECK(below[1].parent == shell.pid());
  CHECK(children_of(shell.pid()).size() == 1);
  CHECK(descriptors_of(sleeper).at(0) == "/dev/zero");
  CHECK(wait_until([&] { return descriptors_of(sleeper).size() == 3; }));  // its libraries are loaded
  CHECK(proportional_memory_kb(sleeper) > 0);
  CHECK(status_of(sleeper, "Uid").starts_with(std::to_string(getuid()) + " "));
  kill(sleeper, SIGKILL);
  CHECK(shell.wait().code == 0);
}

TEST_CASE("process table: a process that is not there has nothing") {
  constexpr pid_t kNobody = 0x7fffffff;
  CHECK_FALSE(is_running(kNobody));
  CHECK(descriptors_of(kNobody).empty());
  CHECK(command_line_of(kNobody).empty());
  CHECK(proportional_memory_kb(kNobody) == 0);
}
