// Sessions whose TLS is the kernel's, on a kernel that has it: run.sh runs this in a virtual machine.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "base/system.h"
#include "tests/end_to_end/installation.h"
#include "tests/support/accounts.h"
#include "tests/support/certificates.h"
#include "tests/support/process_table.h"
#include "tests/support/tls_client.h"
#include "tests/virtual_machine/pattern.h"
#include "tls/kernel.h"

using namespace usher::testing;
using usher::UniqueFd;

namespace {

const std::string kNormalEnd = "\r\n103 The program has ended.\r\n";

// One Usher for all: to start one takes its time here.
struct Scene {
  Scene() {
    made.server("front", "ec", "localhost");
    usher.emplace(setting());
  }
  Setting setting() const {
    return {.programs = "[program.visitor]\ndescription = \"a test\"\nusers = [\"*\"]\narguments = true\ncommand = [\"" USHER_VISITOR
                        "\"]\n[program.loud]\ndescription = \"a test\"\nusers = [\"*\"]\nstderr = \"client\"\n"
                        "command = [\"/bin/sh\", \"-c\", \"echo to you >&2\"]\n",
            .listener = "[listener.tls]\nhandover = \"kernel\"\n" + made.keys_of("front")};
  }

  Certificates made;
  std::optional<Installation> usher;
};

Scene& scene() {
  static Scene one;
  return one;
}

Installation& usher_here() {
  return *scene().usher;
}

// A client, until it is asked to be less.
class Visit {
 public:
  explicit Visit(const TlsClient::Prepare& prepare = {}) : Visit(Client(usher_here().address()), prepare) {}

  TlsClient& client() noexcept { return client_; }
  void log_in_up_to_program() {
    client_.answer(100, usual_account());
    client_.answer(101, usual_account() + "-secret");
    client_.expect_line(102);
  }
  void start(const std::string& program) {
    log_in_up_to_program();
    client_.send_line(program);
    client_.expect_line(110);
  }
  // Its row of the registry, once it is like that.
  JobRow row(const std::string& status = "active") const {
    JobRow found;
    wait_until([&] {
      for (const JobRow& row : usher_here().jobs_with("client", address_)) {
        if (row.at("status") == status) found = row;
      }
      return !found.empty();
    });
    REQUIRE(!found.empty());
    return found;
  }
  std::string transport() const { return row().at("transport"); }
  // How its job ends, for which nobody need wait for the client.
  std::string end() {
    client_.close();
    return row("ended").at("end");
  }
  std::string log() const { return usher_here().usher({"job", "log", row("ended").at("job")}).output; }
  // What the client would send for these, which it believes to have sent.
  std::string records_of(const std::vector<std::string>& texts) {
    const UniqueFd connection(usher::check(::fcntl(client_.fd(), F_DUPFD_CLOEXEC, 3), "keep a connection"));
    const auto [in, out] = make_stream_pair();
    usher::check(::dup2(in.get(), client_.fd()), "replace a connection");
    for (const std::string& text : texts) client_.send(text);
    usher::check(::dup2(connection.get(), client_.fd()), "put a connection back");
    std::string records(1000, '\0');
    records.resize(static_cast<std::size_t>(usher::check(::read(out.get(), records.data(), records.size()), "read")));
    return records;
  }
  void send_raw(std::string_view bytes) const {
    REQUIRE(::send(client_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  bool is_reset_within(int milliseconds) const {
    pollfd look{client_.fd(), 0, 0};
    return ::poll(&look, 1, milliseconds) > 0;
  }
  void read_raw_to_the_end() const {
    std::array<char, 1000> bytes{};
    while (::recv(client_.fd(), bytes.data(), bytes.size(), 0) > 0) {
    }
  }
  void reset() {
    const linger now{1, 0};
    usher::check(::setsockopt(client_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now), "linger");
    client_.close();
  }

 private:
  Visit(const Client& connected, const TlsClient::Prepare& prepare)
      : address_(connected.local_address()),
        client_(UniqueFd(usher::check(::fcntl(connected.fd(), F_DUPFD_CLOEXEC, 3), "keep a connection")),
                {"127.0.0.1", scene().made.path("ca.crt"), false}, prepare) {}

  std::string address_;
  TlsClient client_;
};

TlsClient::Prepare with_suite(const std::string& name) {
  return [name](SSL* ssl) {
    const bool newer = name.starts_with("TLS_");
    REQUIRE(SSL_set_max_proto_version(ssl, newer ? TLS1_3_VERSION : TLS1_2_VERSION) == 1);
    REQUIRE((newer ? SSL_set_ciphersuites(ssl, name.c_str()) : SSL_set_cipher_list(ssl, name.c_str())) == 1);
  };
}

// A connection with the kernel's TLS on our side, whose other side reads nothing.
struct UnreadConnection {
  UnreadConnection() {
    const UniqueFd listener(usher::check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "make a socket"));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* general = reinterpret_cast<sockaddr*>(&address);  // NOLINT: its shape
    usher::check(::bind(listener.get(), general, size), "bind");
    usher::check(::listen(listener.get(), 1), "listen");
    usher::check(::getsockname(listener.get(), general, &size), "find an address");
    theirs.reset(usher::check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "make a socket"));
    usher::check(::connect(theirs.get(), general, size), "connect");
    ours.reset(usher::check(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    REQUIRE(usher::tls::install(ours.get(), usher::tls::TrafficKeys{}).empty());
  }
  bool has_room() const {
    pollfd room{ours.get(), POLLOUT, 0};
    return ::poll(&room, 1, 300) > 0;
  }

  UniqueFd theirs, ours;
};

// Sends until it is killed.
pid_t fork_sender(int fd) {
  const pid_t pid = usher::check(::fork(), "fork");
  const std::array<char, 50'000> piece{};
  while (pid == 0 && ::write(fd, piece.data(), piece.size()) > 0) {
  }
  if (pid == 0) ::_exit(0);
  return pid;
}

bool kernel_knows_tls() {
  return read_file("/proc/sys/net/ipv4/tcp_available_ulp").find("tls") != std::string::npos;
}

void set_module_loader(const std::string& program) {
  std::ofstream("/proc/sys/kernel/modprobe") << program;
}

std::string pattern(std::size_t size) {
  return Pattern().next(size);
}

// What read(2) says of a record that is no data. The kernel of Debian 12 does so; later ones may think of something better.
bool is_end_of_other_record(const std::string& said) {
  utsname system{};
  ::uname(&system);
  const bool error = said.ends_with("Input/output error");
  return std::string(system.release).starts_with("6.1.") ? error : error || said.ends_with("the end");
}

}  // namespace

TEST_CASE("kernel TLS: without its module the relay does the work, and check says so") {
  set_module_loader("/bin/false");
  REQUIRE_FALSE(kernel_knows_tls());
  const Result checked = usher_here().usher({"check"});
  CHECK(checked.ending.code == 0);
  CHECK(checked.error_output.find("wants TLS in the kernel, which has none here") != std::string::npos);
  Visit visit;
  visit.start("visitor what");
  CHECK(visit.client().read_until_closed() == "other\n" + kNormalEnd);
  Visit held;
  held.start("visitor hold");
  CHECK(held.transport() == "tls-relay");
  CHECK(usher_here().log().find(" tls_not_in_kernel ") != std::string::npos);
  CHECK(usher_here().log().find("reason=\"the kernel does not begin TLS: ") != std::string::npos);
}

TEST_CASE("kernel TLS: the module is looked for when it is wanted, and the program has the client's socket") {
  set_module_loader("/sbin/modprobe");
  for (const std::string suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256",
                                  "ECDHE-ECDSA-AES256-GCM-SHA384"}) {
    CAPTURE(suite);
    Visit visit(with_suite(suite));
    visit.start("visitor what");
    CHECK(visit.client().read_until_closed() == "tcp kernel\n" + kNormalEnd);
  }
  CHECK(kernel_knows_tls());
  CHECK(usher_here().usher({"check"}).error_output.empty());
}

TEST_CASE("kernel TLS: no process stays between client and program, and registry and log tell so") {
  Visit visit;
  visit.start("visitor hold");
  const JobRow row = visit.row();
  CHECK(row.at("transport") == "tls-kernel");
  const auto program = static_cast<pid_t>(std::stol(row.at("pid")));
  const auto table = process_table();
  const auto entry = std::find_if(table.begin(), table.end(), [&](const ProcessEntry& one) { return one.pid == program; });
  REQUIRE(entry != table.end());
  CHECK(entry->name == "visitor");
  CHECK(children_of(entry->parent).size() == 1);
  CHECK(usher_here().log().find("pid=" + row.at("pid") + " transport=tls-kernel\n") != std::string::npos);
  CHECK(usher_here().usher({"job", "end", row.at("job"), "--immediate"}).ending.code == 0);
  CHECK(visit.client().read_until_closed() == "\r\n902 signal SIGKILL\r\n");
}

TEST_CASE("kernel TLS: a cipher that this kernel lacks goes through the relay") {
  for (const std::string suite : {"TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"}) {
    CAPTURE(suite);
    Visit visit(with_suite(suite));
    visit.start("visitor what");
    CHECK(visit.client().read_until_closed() == "other\n" + kNormalEnd);
  }
  CHECK(usher_here().log().find("reason=\"the kernel does not take the keys: ") != std::string::npos);
}

TEST_CASE("kernel TLS: what comes with the program's line is the program's") {
  for (const bool in_one_record : {false, true}) {
    CAPTURE(in_one_record);
    Visit visit;
    visit.log_in_up_to_program();
    const std::string line = "visitor echo\r\n";
    if (!in_one_record) visit.client().send(line);
    visit.client().send((in_one_record ? line : "") + "first bytes\n");
    visit.client().expect_line(110);
    CHECK(visit.client().read_line() == "first bytes");
    CHECK(visit.transport() == (in_one_record ? "tls-relay" : "tls-kernel"));
    visit.client().send_line("and more");
    CHECK(visit.client().read_line() == "and more");
  }
  CHECK(usher_here().log().find("reason=\"more has come with the last line\"") != std::string::npos);
}

TEST_CASE("kernel TLS: a record of which a part has come before the program started is whole in the end") {
  Visit visit;
  visit.log_in_up_to_program();
  const std::string records = visit.records_of({"visitor echo\r\n", "in two pieces\n"});
  const std::string_view first = std::string_view(records).substr(0, records.size() - 10);
  visit.send_raw(first);
  visit.client().expect_line(110);
  CHECK(visit.transport() == "tls-kernel");
  visit.send_raw(std::string_view(records).substr(first.size()));
  CHECK(visit.client().read_line() == "in two pieces");
}

TEST_CASE("kernel TLS: much goes through either way, and both at once, to the byte") {
  constexpr std::size_t kMuch = 1'000'000;
  Visit up;
  up.start("visitor take");
  up.client().send(pattern(kMuch));
  usher::check(::shutdown(up.client().fd(), SHUT_WR), "shutdown");
  CHECK(up.client().read_until_closed() == "took 1000000 good, then the end\n" + kNormalEnd);
  for (const std::string work : {"give", "give-file"}) {
    CAPTURE(work);
    Visit down;
    down.start("visitor " + work + " " + std::to_string(kMuch));
    CHECK((down.client().read_until_closed() == pattern(kMuch) + kNormalEnd));
  }
  Visit both;
  both.start("visitor echo");
  Pattern sent, got;
  for (int piece = 0; piece < 50; ++piece) {
    both.client().send(sent.next(20'000));
    if (piece > 2) CHECK(got.continues(both.client().read_bytes(20'000)));
  }
}

TEST_CASE("kernel TLS: a client that reads late gets all, the result last, also of a program that does not wait") {
  for (const std::string work : {"give", "give-hurriedly"}) {
    CAPTURE(work);
    Visit visit;
    visit.start("visitor " + work + " 1000000");
    ::poll(nullptr, 0, 500);
    CHECK((visit.client().read_until_closed() == pattern(1'000'000) + kNormalEnd));
    CHECK(visit.end() == "normal");
  }
}

TEST_CASE("kernel TLS: a program that shuts its sending side down goes on being served, without a word of TLS to the client") {
  Visit visit;
  visit.start("visitor give-and-shut 500000");
  CHECK((visit.client().read_bytes(500'000) == pattern(500'000)));
  pollfd end{visit.client().fd(), POLLIN, 0};
  REQUIRE(::poll(&end, 1, 20'000) == 1);
  char byte = 0;
  CHECK(::recv(visit.client().fd(), &byte, 1, 0) == 0);  // no record comes before it
  visit.client().send(pattern(1000));
  usher::check(::shutdown(visit.client().fd(), SHUT_WR), "shutdown");
  CHECK(visit.log() == "took 1000 good, then the end\n");
}

TEST_CASE("kernel TLS: the client's end") {
  SUBCASE("of the connection alone is an end of file") {
    Visit visit;
    visit.start("visitor take");
    visit.client().send(pattern(1000));
    usher::check(::shutdown(visit.client().fd(), SHUT_WR), "shutdown");
    CHECK(visit.client().read_until_closed() == "took 1000 good, then the end\n" + kNormalEnd);
  }
  SUBCASE("in order, as TLS has it, is an error to the program; the result arrives") {
    for (const bool also_connection : {false, true}) {
      Visit visit;
      visit.start("visitor take");
      visit.client().send(pattern(1000));
      visit.client().finish_sending();
      if (also_connection) usher::check(::shutdown(visit.client().fd(), SHUT_WR), "shutdown");
      const std::string said = visit.client().read_line();
      CAPTURE(said);
      CHECK(said.starts_with("took 1000 good, then "));
      CHECK(is_end_of_other_record(said));
      CHECK(visit.client().read_until_closed() == kNormalEnd);
    }
  }
  SUBCASE("with everything unread by the program does not take the result away") {
    Visit visit;
    visit.start("visitor give 10");
    visit.client().send(pattern(100'000));
    visit.client().finish_sending();
    CHECK(visit.client().read_until_closed() == pattern(10) + kNormalEnd);
  }
  SUBCASE("by a reset ends the program") {
    Visit visit;
    visit.start("visitor hold");
    CHECK(visit.transport() == "tls-kernel");
    visit.reset();
    CHECK(visit.end() == "signal SIGHUP");
  }
}

TEST_CASE("kernel TLS: other keys") {
  const auto update = [](Visit& visit, int answer) {
    REQUIRE(SSL_key_update(&visit.client().connection().ssl(), answer) == 1);
  };
  SUBCASE("in the dialog: the relay, for good") {
    Visit visit;
    visit.log_in_up_to_program();
    update(visit, SSL_KEY_UPDATE_REQUESTED);
    visit.client().send_line("visitor echo");
    visit.client().expect_line(110);
    visit.client().send_line("it goes on");
    CHECK(visit.client().read_line() == "it goes on");
    CHECK(visit.transport() == "tls-relay");
  }
  SUBCASE("in the session: an error to the program, and the end") {
    Visit visit;
    visit.start("visitor take");
    visit.client().send(pattern(1000));
    update(visit, SSL_KEY_UPDATE_NOT_REQUESTED);
    visit.client().send(pattern(1000));
    const std::string said = visit.client().read_line();
    CAPTURE(said);
    CHECK(said.starts_with("took 1000 good, then "));
    CHECK(is_end_of_other_record(said));
    CHECK(visit.client().read_until_closed() == kNormalEnd);
    CHECK_FALSE(visit.is_reset_within(500));
  }
  SUBCASE("by a new handshake of TLS 1.2: the same") {
    Visit visit(with_suite("ECDHE-ECDSA-AES128-GCM-SHA256"));
    visit.start("visitor take");
    REQUIRE(SSL_renegotiate(&visit.client().connection().ssl()) == 1);
    visit.client().connection().shake_hands();
    visit.read_raw_to_the_end();
    CHECK(visit.end() == "normal");
  }
}

TEST_CASE("kernel TLS: a record that nobody could have sealed ends the session") {
  Visit visit;
  visit.start("visitor take");
  CHECK(visit.transport() == "tls-kernel");
  visit.send_raw(std::string("\x17\x03\x03\x00\x40", 5) + std::string(64, 'x'));
  CHECK_FALSE(visit.end().empty());
}

TEST_CASE("kernel TLS: who else waits to send on the connection keeps nobody with a last line beyond his time") {
  const UnreadConnection connection;
  const pid_t sender = fork_sender(connection.ours.get());
  CHECK(wait_until([&] { return !connection.has_room(); }));
  CHECK_FALSE(usher::tls::send_last_line(connection.ours.get(), "last", usher::Clock::now() + std::chrono::milliseconds(300)));
  usher::check(::kill(sender, SIGKILL), "kill");
  ::waitpid(sender, nullptr, 0);
  CHECK_FALSE(usher::tls::send_last_line(connection.ours.get(), "last", usher::Clock::now() + std::chrono::milliseconds(300)));
}

TEST_CASE("kernel TLS: standard error may be the client's") {
  Visit visit;
  visit.start("loud");
  CHECK(visit.client().read_until_closed() == "to you\n" + kNormalEnd);
}

TEST_CASE("kernel TLS: a killed worker's client sees that the end is none") {
  Visit visit;
  visit.start("visitor hold");
  const auto program = static_cast<pid_t>(std::stol(visit.row().at("pid")));
  for (const ProcessEntry& one : process_table()) {
    if (one.pid == program) usher::check(::kill(one.parent, SIGKILL), "kill");
  }
  CHECK(visit.client().is_cut());
  CHECK(wait_until([&] { return !is_running(program); }));
}

TEST_CASE("kernel TLS: openssl's own client") {
  auto [theirs, ours] = make_stream_pair();
  Process openssl({"openssl", "s_client", "-quiet", "-no_ign_eof", "-verify_return_error", "-CAfile", scene().made.path("ca.crt"),
                   "-connect", usher_here().address()},
                  {.input_fd = theirs.get(), .output_fd = theirs.get()});
  theirs.reset();
  Client dialog(std::move(ours));
  log_in(dialog, usual_account(), "visitor what");
  CHECK(dialog.read_until_closed() == "tcp kernel\n" + kNormalEnd);
  CHECK(openssl.error_output().find("unexpected eof") == std::string::npos);
}

TEST_CASE("kernel TLS: nothing stays of any of it") {
  CHECK(wait_until([] { return usher_here().is_calm(2); }));
}
