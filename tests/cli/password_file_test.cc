#include "cli/password_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "base/system.h"
#include "tests/support/descriptors.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_directory.h"
#include "usher/error.h"

using namespace usher;
using namespace usher::testing;

namespace {

std::string password_in(const std::string& path) {
  const std::size_t before = open_descriptors();
  const Secret secret = read_password_file(path);
  CHECK(open_descriptors() == before);
  return {secret.bytes().begin(), secret.bytes().end()};
}

ErrorCode refusal_of(const std::string& path) {
  try {
    read_password_file(path);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::io;
}

}  // namespace

TEST_CASE("password file: its first line without its end is the password") {
  const TemporaryDirectory directory;
  CHECK(password_in(directory.write("lf", "secret\nmore\n", 0600)) == "secret");
  CHECK(password_in(directory.write("crlf", "secret\r\n", 0600)) == "secret");
  CHECK(password_in(directory.write("none", "secret", 0400)) == "secret");
  CHECK(password_in(directory.write("blanks", " two words \n", 0600)) == " two words ");
  CHECK(password_in(directory.write("long", std::string(1024, 'x') + "\n", 0600)).size() == 1024);
}

TEST_CASE("password file: one that others may read or write is refused") {
  const TemporaryDirectory directory;
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0644U, 0611U}) {
    CAPTURE(mode);
    CHECK(refusal_of(directory.write("file", "secret\n", mode)) == ErrorCode::not_authorized);
  }
}

TEST_CASE("password file: one of another user is refused") {
  SKIP_UNLESS(geteuid() == 0, "only root can give a file away");
  const TemporaryDirectory directory;
  const std::string path = directory.write("file", "secret\n", 0600);
  check(::chown(path.c_str(), 65534, 65534), "chown");
  CHECK(refusal_of(path) == ErrorCode::not_authorized);
}

TEST_CASE("password file: an empty first line, or one that is too long, is no password") {
  const TemporaryDirectory directory;
  for (const std::string& text :
       {std::string(), std::string("\nsecret\n"), std::string("\r\n"), std::string(1025, 'x')}) {
    CHECK(refusal_of(directory.write("file", text, 0600)) == ErrorCode::invalid_argument);
  }
}

TEST_CASE("password file: one that is not there, or is none, is an error") {
  CHECK_THROWS_AS(read_password_file("/no/such/file"), std::system_error);
  const TemporaryDirectory directory;
  check(::chmod(directory.path().c_str(), 0700), "chmod");
  CHECK_THROWS_AS(read_password_file(directory.path()), std::system_error);
}
