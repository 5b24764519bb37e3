#include "base/reply.h"

#include <doctest/doctest.h>

#include "base/job_id.h"
#include "base/signal_name.h"

using namespace usher;

TEST_CASE("reply: three digits, a blank, a text, CR LF") {
  CHECK(reply_line(Code::program_failed, "status 3") == "902 status 3\r\n");
  CHECK(reply_line(Code::login_incorrect) == "900 Login incorrect.\r\n");
}

TEST_CASE("reply: a text from a module is one safe line") {
  CHECK(reply_line(Code::pam_info, "one\ntwo\tthree\r\n") == "105 one two three\r\n");
  CHECK(reply_line(Code::pam_error, "\x1B[2J\x07\xFF") == "905 ?[2J??\r\n");
  CHECK(reply_line(Code::pam_info, "") == "105 \r\n");
  CHECK(reply_line(Code::pam_info, " \n ") == "105 \r\n");
  CHECK(reply_line(Code::pam_info, std::string(5000, 'x')).size() == 4 + kMaxReplyText + 2);
}

TEST_CASE("job: names have six digits, ids 32 hex digits and come back from them") {
  CHECK(job_name(7, "usher", "generic") == "000007/usher/generic");
  CHECK(job_name(999'999, "usher", "generic") == "999999/usher/generic");
  const JobId id = JobId::random();
  CHECK(id.hex().size() == 32);
  CHECK(JobId::from_hex(id.hex()) == id);
  CHECK_FALSE(JobId::from_hex(id.hex().substr(1)));
  CHECK_FALSE(JobId::from_hex(std::string(31, 'a') + "g"));
  CHECK(JobId::random() != id);
}

TEST_CASE("signals are called by their names") {
  CHECK(signal_name(SIGTERM) == "SIGTERM");
  CHECK(signal_name(SIGRTMIN + 3) == "SIGRTMIN+3");
  CHECK(signal_name(0).starts_with("SIG"));
}
