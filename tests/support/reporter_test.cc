// The program reporter: what it tells is true, and it misbehaves as it is told.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/client.h"
#include "tests/support/process.h"
#include "tests/support/process_table.h"
#include "tests/support/temporary_directory.h"

using namespace usher::testing;

namespace {

const std::string kReporter = USHER_TEST_REPORTER;

bool tells(const Result& result, const std::string& line) {
  return ("\n" + result.output).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("reporter: it tells its ids, directory, descriptors, limits, arguments and environment") {
  const Result result = run({"/bin/sh", "-c", "umask 027; ulimit -n 99; exec " + kReporter + " two words"},
                            {.variables = {"A=b"}, .empty_environment = true, .working_directory = "/usr"});
  CHECK(result.ending.code == 0);
  const std::string uid = std::to_string(getuid());
  CHECK(tells(result, "uid=" + uid + " " + uid + " " + uid));
  CHECK(tells(result, "directory=/usr"));
  CHECK(tells(result, "umask=27"));
  CHECK(tells(result, "limit.nofile=99 99"));
  CHECK(tells(result, "argument.2=words"));
  CHECK(tells(result, "environment.A=b"));
  CHECK(tells(result, "status.NoNewPrivs=0"));
  CHECK(result.output.find("descriptor.2=") != std::string::npos);
  CHECK(result.output.find("descriptor.3=") == std::string::npos);
}

TEST_CASE("reporter: it ends with a status or by a signal as told") {
  CHECK(run({kReporter, "exit", "7"}).ending.code == 7);
  CHECK(run({kReporter, "kill", "15"}).ending.signal == SIGTERM);
}

TEST_CASE("reporter: it ignores signals, or writes them down") {
  Process deaf({kReporter, "ignore"});
  REQUIRE(deaf.wait_for_text("ignoring\n"));
  deaf.signal(SIGHUP);
  deaf.signal(SIGTERM);
  CHECK(is_running(deaf.pid()));

  const TemporaryDirectory directory;
  Process noting({kReporter, "signals", directory.path("signals")});
  REQUIRE(noting.wait_for_text("waiting\n"));
  noting.signal(SIGHUP);
  const auto noted = [&] {
    return access(directory.path("signals").c_str(), F_OK) == 0 ? read_file(directory.path("signals")) : "";
  };
  CHECK(wait_until([&] { return noted() == "1\n"; }));
  noting.signal(SIGTERM);
  CHECK(wait_until([&] { return noted() == "1\n15\n"; }));
}

TEST_CASE("reporter: it leaves a daemon behind that is nobody's child any more") {
  const Result result = run({kReporter, "daemon"});
  CHECK(result.ending.code == 0);
  const pid_t daemon = std::stoi(result.output);
  CHECK(is_running(daemon));
  kill(daemon, SIGKILL);
  CHECK(wait_until([&] { return !is_running(daemon); }));
}

TEST_CASE("reporter: it writes to standard error to the byte") {
  CHECK(run({kReporter, "errors", "1000"}).error_output.size() == 1000);
  CHECK(run({kReporter, "errors", "0"}).ending.code == 0);
}

TEST_CASE("reporter: it floods, echoes and closes its connection") {
  const auto start = [](const char* mode) {
    auto [near, far] = make_stream_pair();
    return std::pair(Process({kReporter, mode}, {.input_fd = far.get(), .output_fd = far.get()}),
                     Client(std::move(near)));
  };
  auto [flooding, flooded] = start("flood");
  CHECK(flooded.read_bytes(1 << 20) == std::string(1 << 20, 'f'));
  flooded.close();
  CHECK(flooding.wait().code == 1);

  auto [echoing, echoed] = start("echo");
  echoed.send("hello");
  echoed.finish_sending();
  CHECK(echoed.read_until_closed() == "helloend after 5 bytes\n");
  CHECK(echoing.wait().code == 0);

  auto [closing, closed] = start("close");
  closed.expect_closed();
  CHECK(is_running(closing.pid()));
}
