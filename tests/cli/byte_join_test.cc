#include "cli/byte_join.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>

#include "base/system.h"
#include "tests/cli/pipe.h"
#include "tests/support/client.h"
#include "tests/support/descriptors.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;

namespace {

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty())
    bytes.remove_prefix(static_cast<std::size_t>(check(::write(fd, bytes.data(), bytes.size()), "write")));
}

std::string read_piece(int fd) {
  std::array<char, 65'536> bytes;
  return {bytes.data(), static_cast<std::size_t>(check(::read(fd, bytes.data(), bytes.size()), "read"))};
}

std::string read_all(int fd) {
  std::string all;
  for (std::string piece = read_piece(fd); !piece.empty(); piece = read_piece(fd)) all += piece;
  return all;
}

std::string noise(std::size_t size) {
  std::string bytes;
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    bytes += static_cast<char>(state >> 24U);
  }
  return bytes;
}

// A join of two pipes and a socket that runs in a thread of its own.
class Joined {
 public:
  explicit Joined(bool with_result = true, const std::string& first = {})
      : Joined(with_result, first, make_stream_pair(), make_pipe(), make_pipe()) {}

  std::optional<int> status() { return status_.get(); }

 private:
  Joined(bool with_result, const std::string& first, std::pair<UniqueFd, UniqueFd> sockets, Pipe in, Pipe out)
      : socket_(std::move(sockets.first)),
        in_(std::move(in.read)),
        out_(std::move(out.write)),
        status_(std::async(std::launch::async,
                           [this, with_result, first] {
                             ByteJoin join(socket_.get(), in_.get(), out_.get(), with_result);
                             const auto status = join.run(first);
                             out_.reset();
                             return status;
                           })),
        server(std::move(sockets.second)),
        input(std::move(in.write)),
        output(std::move(out.read)) {}

  UniqueFd socket_;
  UniqueFd in_;
  UniqueFd out_;
  std::future<std::optional<int>> status_;

 public:
  Client server;
  UniqueFd input;
  UniqueFd output;
};

}  // namespace

TEST_CASE("join: bytes go both ways as they come, and the result line stays out of the output") {
  const std::size_t before = open_descriptors();
  {
    Joined joined;
    write_all(joined.input.get(), "question\n");
    CHECK(joined.server.read_line() == "question");
    joined.server.send("answer> ");
    CHECK(read_piece(joined.output.get()) == "answer> ");
    joined.server.send("\r\n902 status 3\r\n");
    joined.server.finish_sending();
    CHECK(read_all(joined.output.get()) == "");
    CHECK(joined.status() == 3);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("join: the end of the input is passed on, and the answer still comes") {
  Joined joined;
  write_all(joined.input.get(), "all I have");
  joined.input.reset();
  CHECK(joined.server.read_until_closed() == "all I have");
  joined.server.send("thanks\r\n103 x\r\n");
  joined.server.close();
  CHECK(read_all(joined.output.get()) == "thanks");
  CHECK(joined.status() == 0);
}

TEST_CASE("join: the end of the server ends it though input may still come") {
  Joined joined;
  joined.server.send("bye\r\n103 x\r\n");
  joined.server.finish_sending();
  CHECK(read_all(joined.output.get()) == "bye");
  CHECK(joined.status() == 0);
}

TEST_CASE("join: what came with the dialog comes first, the result line too") {
  Joined joined(true, "early\r\n902 sig");
  joined.server.send("nal SIGTERM\r\n");
  joined.server.close();
  CHECK(read_all(joined.output.get()) == "early");
  CHECK(joined.status() == 143);
}

TEST_CASE("join: without a result line all is output and there is no status") {
  Joined joined;
  joined.server.send("half\r\n902 sta");
  joined.server.close();
  CHECK(read_all(joined.output.get()) == "half\r\n902 sta");
  CHECK_FALSE(joined.status());
}

TEST_CASE("join: a server that announces no results has none, whatever its last line looks like") {
  Joined joined(false);
  joined.server.send("\r\n103 x\r\n");
  joined.server.close();
  CHECK(read_all(joined.output.get()) == "\r\n103 x\r\n");
  CHECK_FALSE(joined.status());
}

TEST_CASE("join: a reset connection keeps what came before and has no status") {
  Joined joined;
  joined.server.send("before");
  CHECK(read_piece(joined.output.get()) == "before");
  joined.server.reset();
  CHECK(read_all(joined.output.get()) == "");
  CHECK_FALSE(joined.status());
}

TEST_CASE("join: large binary data goes both ways at one time without a byte lost") {
  Joined joined;
  const std::string data = noise(3'000'000);
  auto sent = std::async(std::launch::async, [&] {
    write_all(joined.input.get(), data);
    joined.input.reset();
  });
  auto received = std::async(std::launch::async, [&] { return read_all(joined.output.get()); });
  auto echoed = std::async(std::launch::async, [&] {
    joined.server.send(data);
    std::string all = joined.server.read_until_closed();
    joined.server.send("\r\n103 x\r\n");
    joined.server.close();
    return all;
  });
  CHECK(echoed.get() == data);
  CHECK(received.get() == data);
  CHECK(joined.status() == 0);
}

TEST_CASE("join: a server that takes no more input is listened to until its end") {
  Joined joined;
  check(::shutdown(joined.server.fd(), SHUT_RD), "shutdown");
  write_all(joined.input.get(), noise(60'000));
  joined.server.send("still here");
  CHECK(read_piece(joined.output.get()) == "still here");
  joined.server.send("\r\n902 status 1\r\n");
  joined.server.close();
  CHECK(joined.status() == 1);
}

TEST_CASE("join: an output that nobody reads any more ends it, without a signal") {
  ::signal(SIGPIPE, SIG_IGN);
  Joined joined;
  joined.output.reset();
  CHECK_FALSE(joined.status());
}

TEST_CASE("join: an input that is a file is sent to its end, one that is closed is empty") {
  const TemporaryDirectory directory;
  const std::string data = noise(200'000);
  const UniqueFd file(check(::open(directory.write("data", data).c_str(), O_RDONLY | O_CLOEXEC), "open"));
  Pipe out = make_pipe();
  for (const int input : {file.get(), -1}) {
    auto [client_end, server_end] = make_stream_pair();
    Client server(std::move(server_end));
    auto status = std::async(std::launch::async,
                             [&, fd = client_end.get()] { return ByteJoin(fd, input, out.write.get(), true).run(""); });
    if (input >= 0) CHECK(server.read_until_closed() == data);
    server.send("\r\n103 x\r\n");
    server.close();
    CHECK(status.get() == 0);
  }
}
