// A pool that cannot serve serves again as soon as it could, without any hand.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/end_to_end/installation.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"
#include "tests/support/wait_until.h"

using namespace usher::testing;

namespace {

// One try on a connection of its own.
bool logs_in(const Installation& usher) {
  Client client(usher.address());
  client.answer(100, usual_account());
  client.answer(101, usual_account() + "-secret");
  return client.read_line().starts_with("102 ");
}

}  // namespace

TEST_CASE("recovery: a PAM module that is missing refuses logins, and one that is put in its place lets in") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const TemporaryDirectory directory;
  const std::string module = directory.path("missing.so");
  directory.write("front", "auth required " + module + "\nauth required pam_unix.so\n"
                           "account required pam_unix.so\nsession required pam_unix.so\n");
  const Installation usher({.programs = shell_program("who", "id -un"), .pam_service = "front", .pam_directory = directory.path()});
  for (int i = 0; i < 4; ++i) CHECK_FALSE(logs_in(usher));
  std::filesystem::copy_file(pam_test_module(), module);
  // Workers that were ready before have to be used up; the template is made anew at most once a second.
  CHECK(wait_until([&] { return logs_in(usher) && logs_in(usher) && logs_in(usher) && logs_in(usher); }));
  CHECK(run_program(usher.address(), usual_account(), "who").starts_with(usual_account()));
}
