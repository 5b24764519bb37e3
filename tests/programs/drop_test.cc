// The program drop, run directly.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/client.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

using namespace usher::testing;

namespace {

const std::string kDrop = USHER_PROGRAMS "/drop";

Result drop(const TemporaryDirectory& home, const std::vector<std::string>& arguments, const std::string& bytes) {
  std::vector<std::string> command{kDrop};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, {.input = bytes, .variables = {"HOME=" + home.path(), "USHER_JOB=000123/usher/generic"}});
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) names.push_back(entry.path().filename());
  return names;
}

}  // namespace

TEST_CASE("drop: what comes is a file for its owner only") {
  const TemporaryDirectory home;
  const std::string bytes("one\0two", 7);
  const Result result = drop(home, {"letter.txt"}, bytes);
  CHECK(result.output == "OK 7 bytes in incoming/letter.txt\r\n");
  CHECK(result.ending.code == 0);
  CHECK(read_file(home.path("incoming/letter.txt")) == bytes);
  struct stat status {};
  REQUIRE(stat(home.path("incoming/letter.txt").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(names_in(home.path("incoming")).size() == 1);
}

TEST_CASE("drop: without a name the file is named after time and job") {
  const TemporaryDirectory home;
  CHECK(drop(home, {}, "x").ending.code == 0);
  const auto names = names_in(home.path("incoming"));
  REQUIRE(names.size() == 1);
  CHECK(names[0].size() == std::string("20261120T114302Z-000123").size());
  CHECK(names[0].ends_with("Z-000123"));
}

TEST_CASE("drop: a file that is there is never replaced") {
  const TemporaryDirectory home;
  home.write("incoming/letter.txt", "old");
  const Result result = drop(home, {"letter.txt"}, "new");
  CHECK(result.output == "ERR letter.txt: File exists\r\n");
  CHECK(result.ending.code == 1);
  CHECK(read_file(home.path("incoming/letter.txt")) == "old");
  CHECK(names_in(home.path("incoming")).size() == 1);
}

TEST_CASE("drop: names that are not plain file names are refused") {
  const TemporaryDirectory home;
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".hidden"), std::string("../out"), std::string("a/b"),
        std::string("a\nb"), std::string("\xFF"), std::string(201, 'x')}) {
    CAPTURE(name);
    const Result result = drop(home, {name}, "x");
    CHECK(result.output == "ERR not a plain file name\r\n");
    CHECK(result.ending.code == 1);
  }
  CHECK(names_in(home.path()).empty());
}

TEST_CASE("drop: with a size, less is refused and more is left alone") {
  const TemporaryDirectory home;
  CHECK(drop(home, {"short", "5"}, "1234").output == "ERR only 4 bytes came\r\n");
  CHECK(drop(home, {"exact", "5"}, "12345").ending.code == 0);
  CHECK(drop(home, {"more", "3"}, "12345").output == "OK 3 bytes in incoming/more\r\n");
  CHECK(drop(home, {"none", "five"}, "12345").output == "ERR the size is not a number of bytes\r\n");
  CHECK(names_in(home.path("incoming")).size() == 2);
}

TEST_CASE("drop: with a size, the answer comes while the client's side stays open") {
  const TemporaryDirectory home;
  auto [near, far] = make_stream_pair();
  Process process({kDrop, "held", "3"},
                  {.input_fd = far.get(), .output_fd = far.get(), .variables = {"HOME=" + home.path()}});
  far.reset();
  Client client(std::move(near));
  client.send("abc");
  CHECK(client.read_line() == "OK 3 bytes in incoming/held");
  CHECK(process.wait().code == 0);
}

TEST_CASE("drop: a connection that breaks, or a disk that is full, leaves nothing behind") {
  const TemporaryDirectory home;
  home.write("incoming/mark", "");
  const Result limited = run({"/bin/sh", "-c", "ulimit -f 1; exec " + kDrop + " large"},
                             {.input = std::string(100'000, 'x'), .variables = {"HOME=" + home.path()}});
  CHECK(limited.output == "ERR write: File too large\r\n");
  CHECK(limited.ending.code == 1);

  const usher::UniqueFd unreadable(::open("/", O_RDONLY | O_CLOEXEC));
  const Result broken = run({kDrop, "name"}, {.input_fd = unreadable.get(), .variables = {"HOME=" + home.path()}});
  CHECK(broken.output == "ERR the connection: Is a directory\r\n");
  CHECK(names_in(home.path("incoming")) == std::vector<std::string>{"mark"});
}
