// TLS as clients and operators see it: openssl s_client, `usher login`, `usher check`, `usher status`, reload.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <sstream>

#include "base/system.h"
#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/certificates.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

const std::string kPrograms = shell_program("cat", "exec cat") + shell_program("say", "echo said; exit 3") +
                              shell_program("who", "id -un; echo $PROTO");

// openssl s_client, at whose input and output a test's client is.
class SClient {
 public:
  explicit SClient(const std::string& address, const std::vector<std::string>& more = {})
      : SClient(address, more, make_stream_pair()) {}

  Client& dialog() { return client_; }
  Process& process() { return process_; }

 private:
  SClient(const std::string& address, const std::vector<std::string>& more,
          std::pair<usher::UniqueFd, usher::UniqueFd> ends)
      : process_(command(address, more), {.input_fd = ends.first.get(), .output_fd = ends.first.get()}),
        client_(std::move(ends.second)) {}

  static std::vector<std::string> command(const std::string& address, const std::vector<std::string>& more) {
    std::vector<std::string> words{"openssl", "s_client", "-quiet", "-no_ign_eof", "-connect", address};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  Process process_;
  Client client_;
};

struct Scene {
  explicit Scene(const std::string& more = "") {
    made.server("front", "ec", "localhost");
    made.server("other", "rsa:2048", "other.example");
    usher.emplace(setting(more));
  }
  Setting setting(const std::string& more) const {
    return {.programs = kPrograms,
            .listener = "[listener.tls]\ncertificate = [\"" + made.path("front.crt") + "\", \"" +
                        made.path("other.crt") + "\"]\nkey = [\"" + made.path("front.key") + "\", \"" +
                        made.path("other.key") + "\"]\n" + more};
  }
  std::vector<std::string> trusting() const { return {"-CAfile", made.path("ca.crt"), "-verify_return_error"}; }
  std::string password_file() const { return made_password.write("password", usual_account() + "-secret\n", 0600); }
  Result login(std::vector<std::string> words) const {
    words.insert(words.begin(), {"login", "--user", usual_account(), "--password-file", password_file()});
    return usher->usher(words);
  }

  Certificates made;
  TemporaryDirectory made_password;
  std::optional<Installation> usher;
};

// Adds to the words of a command.
std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// The certificate's subject as s_client shows it, or nothing when there was no handshake.
std::string shown_to(const std::string& address, const std::vector<std::string>& more) {
  const Result result = run(with({"openssl", "s_client", "-connect", address}, more));
  const std::size_t at = result.output.find("subject=");
  return at == std::string::npos ? "" : result.output.substr(at + 8, result.output.find('\n', at) - at - 8);
}

std::string version_with(const std::string& address, const std::vector<std::string>& more) {
  const Result result = run(with({"openssl", "s_client", "-connect", address, "-brief"}, more));
  const std::string mark = "Protocol version: ";
  const std::size_t at = result.error_output.find(mark);
  return at == std::string::npos ? "" : result.error_output.substr(at + mark.size(), 7);
}

// What is this process's alone, in KB.
long own_memory_of(pid_t pid) {
  std::istringstream rollup(read_file("/proc/" + std::to_string(pid) + "/smaps_rollup"));
  for (std::string name; rollup >> name;) {
    long kb = 0;
    if (name == "Private_Dirty:" && rollup >> kb) return kb;
  }
  return 0;
}

}  // namespace

TEST_CASE("TLS: openssl's client logs in, talks to a program and sees its result") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Scene scene;
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    CAPTURE(version);
    SClient client(scene.usher->address(), with(scene.trusting(), {version}));
    log_in(client.dialog(), usual_account(), "cat");
    client.dialog().send_line("to and fro");
    CHECK(client.dialog().read_line() == "to and fro");
    CHECK(wait_until([&] {
      const auto rows = scene.usher->jobs_with("status", "active");
      return std::any_of(rows.begin(), rows.end(),
                         [](const JobRow& row) { return row.at("transport") == "tls-relay"; });
    }));
    client.dialog().finish_sending();
  }
  SClient said(scene.usher->address(), scene.trusting());
  log_in(said.dialog(), usual_account(), "say");
  CHECK(said.dialog().read_until_closed() == "said\n\r\n902 status 3\r\n");
}

// What it is like where the kernel can: tests/virtual_machine/kernel_tls_test.cc.
TEST_CASE("TLS: a session is the kernel's where it can be, and the relay's elsewhere, which check, log and registry tell") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Scene scene("handover = \"kernel\"\n");
  SClient client(scene.usher->address(), scene.trusting());
  log_in(client.dialog(), usual_account(), "cat");
  client.dialog().send_line("to and fro");
  CHECK(client.dialog().read_line() == "to and fro");
  const bool kernel = read_file("/proc/sys/net/ipv4/tcp_available_ulp").find("tls") != std::string::npos;
  const std::string transport = kernel ? "tls-kernel" : "tls-relay";
  CHECK(wait_until([&] { return scene.usher->jobs_with("transport", transport).size() == 1; }));
  CHECK(scene.usher->log().find(" transport=" + transport + "\n") != std::string::npos);
  CHECK((scene.usher->log().find(" tls_not_in_kernel ") == std::string::npos) == kernel);
  const Result checked = scene.usher->usher({"check"});
  CHECK(checked.ending.code == 0);
  CHECK((checked.error_output.find("warning: listener \"generic\" wants TLS in the kernel, which has none here") ==
         std::string::npos) == kernel);
}

// Three times as much is a page here and there for each thing that is used, and buffers that nothing moves through.
TEST_CASE("TLS: a session that is idle gives its memory back, and goes on") {
  SKIP_UNLESS(in_private_etc() && !kSanitized, "needs the test accounts, and memory as it is without a sanitizer");
  const Scene scene;
  SClient session(scene.usher->address(), scene.trusting());
  log_in(session.dialog(), usual_account(), "cat");
  const auto moves = [&](const std::string& line) {
    session.dialog().send_line(line);
    return session.dialog().read_line() == line;
  };
  CHECK(moves(std::string(12'000, 'x')));
  const auto sessions = [&] { return scene.usher->jobs_with("transport", "tls-relay"); };
  REQUIRE(wait_until([&] { return sessions().size() == 1; }));
  const pid_t worker = parent_of(pid_of(sessions()[0]));
  CHECK(wait_until([&] {
    long kb = own_memory_of(worker);
    for (const ProcessEntry& child : children_of(worker)) {
      if (child.name == "usher-worker") kb += own_memory_of(child.pid);
    }
    return kb > 0 && kb < 450;
  }));
  CHECK(moves(std::string(12'000, 'y')));
}

TEST_CASE("TLS: old versions and plain clients are refused, names choose certificates") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Scene scene;
  const std::string address = scene.usher->address();
  CHECK(version_with(address, {"-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"}).empty());
  CHECK(version_with(address, {"-tls1_2"}) == "TLSv1.2");
  CHECK(version_with(address, {}) == "TLSv1.3");
  CHECK(shown_to(address, {"-servername", "localhost"}) == "CN = localhost");
  CHECK(shown_to(address, {"-servername", "other.example"}) == "CN = other.example");
  CHECK(shown_to(address, {"-servername", "nobody.example"}) == "CN = localhost");
  Client plain(address);
  plain.send_line(usual_account());
  CHECK(plain.read_until_closed().find("100") == std::string::npos);
}

TEST_CASE("TLS: usher login believes whom it is told to believe, by name") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Scene scene;
  const std::string address = scene.usher->address();
  const std::string named = "localhost" + address.substr(address.rfind(':'));
  const Result known = scene.login({"--ca", scene.made.path("ca.crt"), named, "say"});
  CHECK(known.ending.code == 3);
  CHECK(known.output == "said\n");
  CHECK(scene.login({"--ca", scene.made.path("ca.crt"), address, "who"}).output == usual_account() + "\nTCP\n");
  const Result unknown = scene.login({"--tls", named, "say"});
  CHECK(unknown.ending.code == 252);
  CHECK(unknown.error_output.find("its certificate is not trusted: ") != std::string::npos);
  const Result believed = scene.login({"--insecure", named, "say"});
  CHECK(believed.ending.code == 3);
  CHECK(believed.error_output.find("somebody on the way may read your password") != std::string::npos);
  CHECK(scene.login({"--plain", "--tls", address, "say"}).ending.code == 2);
  const Result through = run({"/bin/sh", "-c",
                              std::string("head -c 3000000 /dev/zero | ") + USHER_COMMAND + " login --user " +
                                  usual_account() + " --password-file " + scene.password_file() + " --ca " +
                                  scene.made.path("ca.crt") + " " + named + " cat | wc -c"});
  CHECK(through.output == "3000000\n");
}

TEST_CASE("TLS: a plain server is no TLS server") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPrograms});
  const TemporaryDirectory directory;
  const std::string password = directory.write("password", usual_account() + "-secret\n", 0600);
  const Result result =
      usher.usher({"login", "--user", usual_account(), "--password-file", password, "--tls", usher.address(), "say"});
  CHECK(result.ending.code == 252);
  CHECK(result.error_output.find("no TLS with 127.0.0.1") != std::string::npos);
}

TEST_CASE("TLS: a program's end of file and the client's are passed on through usher login") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Scene scene;
  ProcessOptions input;
  input.input = "last words";
  const Result result = run({USHER_COMMAND, "login", "--user", usual_account(), "--password-file",
                             scene.password_file(), "--ca", scene.made.path("ca.crt"), scene.usher->address(), "cat"},
                            input);
  CHECK(result.output == "last words");
  CHECK(result.ending.code == 0);
}

TEST_CASE("TLS: check finds what is wrong with keys and certificates, and warns of their end") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Certificates made;
  made.server("good", "ec", "localhost");
  made.server("soon", "ec", "localhost", 5);
  made.server("other", "ec", "localhost");
  const TemporaryDirectory directory;
  const auto check = [&](const std::string& keys) {
    const std::string file =
        write_configuration(directory, {.programs = kPrograms, .listener = "[listener.tls]\n" + keys});
    return run({USHER_COMMAND, "check", "--config", file});
  };
  const Result good = check(made.keys_of("good"));
  CHECK(good.ending.code == 0);
  CHECK(good.error_output.empty());
  const Result soon = check(made.keys_of("soon"));
  CHECK(soon.ending.code == 0);
  CHECK(soon.error_output.find("warning: tls of listener \"generic\": \"" + made.path("soon.crt") + "\" ends at ") !=
        std::string::npos);
  const Result mixed =
      check("certificate = \"" + made.path("good.crt") + "\"\nkey = \"" + made.path("other.key") + "\"\n");
  CHECK(mixed.ending.code == 1);
  CHECK(mixed.error_output.find("is not the key of the certificate in") != std::string::npos);
  CHECK(check("certificate = \"/none.crt\"\nkey = \"/none.key\"\n")
            .error_output.find("\"/none.crt\" cannot be read: No such file") != std::string::npos);
  CHECK(check(made.keys_of("good") + "client_ca = \"" + made.path("good.key") + "\"\n")
            .error_output.find("has no certificate in PEM form") != std::string::npos);
  usher::check(::chmod(made.path("good.key").c_str(), 0644), "chmod");
  CHECK(check(made.keys_of("good")).error_output.find("can be read by others than its owner") != std::string::npos);
}

TEST_CASE("TLS: a reload reads renewed files, and changes nothing when they are bad") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Scene scene;
  const auto ends = [&] {
    for (const Row& row : scene.usher->status()) {
      if (row.at("kind") == "listener") return row.at("certificate_ends");
    }
    return std::string();
  };
  const std::string address = scene.usher->address();
  const std::string before = ends();
  CHECK(before.starts_with("20"));
  SClient running(address, scene.trusting());
  log_in(running.dialog(), usual_account(), "cat");
  SClient in_login(address, scene.trusting());
  in_login.dialog().expect_line(100);
  scene.made.server("front", "rsa:2048", "renewed.example", 200);
  CHECK(scene.usher->reload().ending.code == 0);
  CHECK(shown_to(address, {}) == "CN = renewed.example");
  running.dialog().send_line("still");
  CHECK(running.dialog().read_line() == "still");
  in_login.dialog().send_line(usual_account());
  in_login.dialog().expect_line(101);

  usher::check(::rename(scene.made.path("other.key").c_str(), scene.made.path("front.key").c_str()), "rename");
  const Result bad = scene.usher->reload();
  CHECK(bad.ending.code == 1);
  CHECK(bad.error_output.find("nothing was changed: ") != std::string::npos);
  CHECK(bad.error_output.find("is not the key of the certificate in") != std::string::npos);
  CHECK(shown_to(address, {}) == "CN = renewed.example");
}

TEST_CASE("TLS: it does not start with a bad key, and says why") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Certificates made;
  made.server("good", "ec", "localhost");
  made.server("other", "ec", "localhost");
  const TemporaryDirectory directory;
  const std::string file =
      write_configuration(directory, {.programs = kPrograms,
                                      .listener = "[listener.tls]\ncertificate = \"" + made.path("good.crt") +
                                                  "\"\nkey = \"" + made.path("other.key") + "\"\n"});
  const Result result = run({USHER_COMMAND, "start", "--foreground", "--config", file});
  CHECK(result.ending.code == 1);
  CHECK(result.error_output.find("is not the key of the certificate in") != std::string::npos);
}

TEST_CASE("TLS: behind a proxy its header comes before the handshake") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Certificates made;
  made.server("front", "ec", "localhost");
  const Installation usher(
      {.programs = kPrograms,
       .listener = "proxy_networks = [\"127.0.0.0/8\"]\n[listener.tls]\n" + made.keys_of("front")});
  const std::string address = usher.address();
  Client client(address);
  client.send("PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\nno handshake at all\r\n");
  const std::string answer = client.read_until_closed();
  CHECK((answer.empty() || answer[0] == '\x15'));
  CHECK(wait_until([&] { return usher.log().find("client=192.0.2.7:4711") != std::string::npos; }));
}
