// The program files, run directly.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/accounts.h"
#include "tests/support/client.h"
#include "tests/support/process.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_directory.h"

using namespace usher::testing;

namespace {

const std::string kFiles = USHER_PROGRAMS "/files";

// A dialog with the program in a directory of its own.
class Files {
 public:
  Files() : Files(make_stream_pair()) {}

  const TemporaryDirectory& directory() const { return directory_; }
  Client& client() { return client_; }
  std::string ask(std::string_view line) {
    client_.send_line(line);
    return client_.read_line();
  }
  int end() { return process_.wait().code.value_or(-1); }

 private:
  explicit Files(std::pair<usher::UniqueFd, usher::UniqueFd> pair)
      : process_({kFiles}, {.input_fd = pair.second.get(),
                            .output_fd = pair.second.get(),
                            .variables = {"USER=anna"},
                            .working_directory = directory_.path()}),
        client_(std::move(pair.first)) {
    pair.second.reset();
    greeting_ = client_.read_line();
    REQUIRE(greeting_ == "OK files of anna; HELP lists the commands");
  }

  TemporaryDirectory directory_;
  Process process_;
  Client client_;
  std::string greeting_;
};

}  // namespace

TEST_CASE("files: a directory is listed by name, with kind and size") {
  Files files;
  files.directory().write("notes.txt", "first\n");
  files.directory().write("a letter/one.txt", "Dear Sir");
  REQUIRE(symlink("notes.txt", files.directory().path("link").c_str()) == 0);
  REQUIRE(symlink("nowhere", files.directory().path("dangling").c_str()) == 0);
  CHECK(files.ask("LIST") == "OK 4 entries");
  const std::string letter = files.client().read_line();
  CHECK(letter.starts_with("d "));
  CHECK(letter.ends_with(" a letter"));
  CHECK(files.client().read_line().starts_with("l "));
  CHECK(files.client().read_line().starts_with("-          6 "));
  CHECK(files.client().read_line().ends_with(" notes.txt"));
  CHECK(files.ask("list a letter") == "OK 1 entries");
  CHECK(files.client().read_line().starts_with("-          8 "));
}

TEST_CASE("files: a file arrives to the byte and the dialog goes on behind it") {
  Files files;
  const std::string bytes("one\0two\r\n\xFF without an end", 24);
  files.directory().write("any.bin", bytes);
  files.directory().write("empty", "");
  CHECK(files.ask("SEND any.bin") == "OK 24 bytes");
  CHECK(files.client().read_bytes(24) == bytes);
  CHECK(files.ask("SEND empty") == "OK 0 bytes");
  CHECK(files.ask("QUIT") == "OK goodbye");
  files.client().expect_closed();
  CHECK(files.end() == 0);
}

TEST_CASE("files: several commands sent at once are answered in their order") {
  Files files;
  files.directory().write("one", "1");
  files.client().send("SEND one\nHELP\r\nSEND one\nquit");
  files.client().finish_sending();
  const std::string all = files.client().read_until_closed();
  CHECK(all.starts_with("OK 1 bytes\r\n1OK 4 entries\r\nLIST "));
  CHECK(all.ends_with("OK 1 bytes\r\n1OK goodbye\r\n"));
}

TEST_CASE("files: what cannot be done is one ERR line, and the dialog goes on") {
  Files files;
  REQUIRE(mkfifo(files.directory().path("fifo").c_str(), 0600) == 0);
  CHECK(files.ask("SEND no\x1B-such") == "ERR no?-such: No such file or directory");
  CHECK(files.ask("SEND .") == "ERR .: not a regular file");
  CHECK(files.ask("SEND fifo") == "ERR fifo: not a regular file");
  CHECK(files.ask("LIST fifo") == "ERR fifo: Not a directory");
  CHECK(files.ask("SEND") == "ERR SEND needs the name of a file");
  CHECK(files.ask("") == "ERR no such command; HELP lists them");
  CHECK(files.ask(std::string_view("SEND a\0b", 8)) == "ERR a path has no NUL byte");
  CHECK(files.ask("SEND " + std::string(5000, 'x')) == "ERR the line is too long");
  CHECK(files.ask("SEND " + std::string(1'000'000, 'x')) == "ERR the line is too long");
  CHECK(files.ask("LIST") == "OK 1 entries");
}

TEST_CASE("files: a name with a line end in it cannot forge a line of the list") {
  Files files;
  files.directory().write("a\r\nERR forged", "");
  CHECK(files.ask("LIST") == "OK 1 entries");
  CHECK(files.client().read_line().ends_with(" a??ERR forged"));
}

TEST_CASE("files: with arguments it does one thing and sends nothing but that") {
  const TemporaryDirectory directory;
  directory.write("two words.txt", "content");
  const ProcessOptions there{.working_directory = directory.path()};
  CHECK(run({kFiles, "send", "two", "words.txt"}, there).output == "content");
  CHECK(run({kFiles, "LIST"}, there).output.ends_with(" two words.txt\r\n"));
  const Result refused = run({kFiles, "SEND", "none"}, there);
  CHECK(refused.output == "ERR none: No such file or directory\r\n");
  CHECK(refused.ending.code == 1);
}

TEST_CASE("files: paths may lead anywhere the user's own rights lead, and no further") {
  SKIP_UNLESS(!single_uid(), "needs root to become another user");
  const auto send_as = [](const char* user, const char* path) { return run(command_as(user, {kFiles, "SEND", path})); };
  CHECK(send_as("private", "/etc/homes/private/notes.txt").output == "first line\nsecond line\n");
  CHECK(send_as("private", "/etc/homes/normal/../private/letters/one.txt").output == "Dear Sir\n");
  const Result refused = send_as("normal", "/etc/homes/private/notes.txt");
  CHECK(refused.output == "ERR /etc/homes/private/notes.txt: Permission denied\r\n");
  CHECK(refused.ending.code == 1);
}

TEST_CASE("files: a client that goes away ends it, whatever it was doing") {
  Files files;
  files.directory().write("large", std::string(4 << 20, 'x'));
  files.client().send_line("SEND large");
  files.client().read_line();
  files.client().close();
  CHECK(files.end() == 1);

  Files idle;
  idle.client().close();
  CHECK(idle.end() == 0);
}
