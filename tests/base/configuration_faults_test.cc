// Every kind of fault that the bytes alone can tell, at its place and with its remedy.
#include <doctest/doctest.h>

#include "tests/base/configuration_support.h"

using namespace usher;
using namespace usher::testing;

namespace {

// Whose words the middle of a syntax error are is toml++'s business, and differs from version to version.
bool is_syntax_error(const std::string& line, const std::string& place, const std::string& remedy) {
  return line.starts_with(place) && line.find(": error: not valid TOML: ") != std::string::npos &&
         line.find("Error while") == std::string::npos && line.ends_with("; " + remedy);
}

const std::string kQuotes = "see to quotes and brackets: texts, durations and sizes stand in quotes";
const std::string kTwice = "remove one of the two, or give it another name";

}  // namespace

TEST_CASE("fault: a syntax error has its place, and the other files are read all the same") {
  ConfigurationSource source = source_of("[server]\nuser = usher\n", "[program.x]\nusers = [\"*\"]\ncommand = 3\n");
  source.files.push_back({"programs.d/q.toml", "[program.q\n"});
  const std::vector<std::string> lines = lines_of(parse_configuration(source).faults);
  REQUIRE(lines.size() == 3);
  CHECK(is_syntax_error(lines[0], "usher.toml:2:8", kQuotes));
  CHECK(lines[1] ==
        "programs.d/p.toml:3:11: error: command of program \"x\" is a whole number; write a list of 1 to 256 texts in "
        "quotes: the absolute path of a program, then its arguments, for example command = [\"/bin/cat\"]");
  CHECK(is_syntax_error(lines[2], "programs.d/q.toml:1:", kQuotes));
}

TEST_CASE("fault: a time or a date that is none") {
  for (const std::string value :
       {"1979-05-27Tx07:32:00.9-07:00", "1979-05-27Tpam_dir07:32:00.999999-07:00he", "1979-05-27Tx", "1979-05-27 x", "1979-05-27T",
        "1979-05-27T07:x", "07:32:x", "1979-05-x", "07:32:00.x"}) {
    CAPTURE(value);
    const ConfigurationSource source = source_of("[server]\nuser = " + value + "\n");
    const std::vector<std::string> lines = lines_of(parse_configuration(source).faults);
    REQUIRE(lines.size() == 1);
    CHECK(is_syntax_error(lines[0], "usher.toml:2:", kQuotes));
  }
}

TEST_CASE("fault: sections that end above a syntax error are read, and their faults told") {
  const std::string good = "[server]\nruntime_directory = \"/run/here\"\nusr = \"x\"\n";
  for (const std::string rest : {"[[listener]]\nname = x\n", "[pool.a\n"}) {
    CAPTURE(rest);
    const ConfigurationResult result = parse_configuration(source_of(good + rest));
    const std::vector<std::string> lines = lines_of(result.faults);
    REQUIRE(lines.size() >= 2);
    CHECK(lines[0] == "usher.toml:3:1: error: [server] has an unknown key \"usr\"; did you mean user?");
    CHECK(lines[1].find("not valid TOML") != std::string::npos);
    CHECK(result.configuration.server.runtime_directory == "/run/here");
  }
}

TEST_CASE("fault: a key or section that is there twice in one file") {
  const std::string keys = "[server]\nuser = \"a\"\nuser = \"b\"\n";
  const std::string sections = "[pool.a]\n[pool.b]\n[pool.a]\n";
  for (const std::string& text : {keys, sections}) {
    CAPTURE(text);
    const std::vector<std::string> lines = lines_of(parse_configuration(source_of(text)).faults);
    REQUIRE(lines.size() == 1);
    CHECK(is_syntax_error(lines[0], "usher.toml:3:", kTwice));
  }
}

TEST_CASE("fault: bytes that are no text, and nesting without end") {
  CHECK(faults_before_good("# \xFF") ==
        "usher.toml:1:3: error: the file has a byte that is not UTF-8; save the file as UTF-8\n");
  CHECK(faults_of(source_of(std::string("a\0b", 3))) ==
        "usher.toml:1:2: error: the file has a NUL byte; write text only\n");
  CHECK(faults_before_good("x = " + std::string(100'000, '[')) ==
        "usher.toml:1:21: error: this nests deeper than 16 levels; write tables of one or two levels, as in "
        "usher.toml(5)\n");
}

TEST_CASE("fault: an unknown section, with the one that was meant") {
  CHECK(faults_before_good("[sever]") ==
        "usher.toml:1:2: error: there is no section \"sever\"; did you mean [server]?\n");
  CHECK(faults_before_good("[listen]") ==
        "usher.toml:1:2: error: there is no section \"listen\"; did you mean [[listener]]?\n");
  CHECK(faults_before_good("colour = 1") ==
        "usher.toml:1:1: error: there is no section \"colour\"; write one of [server], [limits], [reserved], "
        "[[listener]], [pool.NAME] and [program.NAME]\n");
}

TEST_CASE("fault: an unknown key, with the one that was meant, or where it belongs") {
  CHECK(faults_before_good("[server]\nusr = \"x\"\nthreshold = 2\nmemory = \"1M\"\ncolour = 1") ==
        "usher.toml:2:1: error: [server] has an unknown key \"usr\"; did you mean user?\n"
        "usher.toml:3:1: error: [server] has an unknown key \"threshold\"; it belongs in [pool.NAME]\n"
        "usher.toml:4:1: error: [server] has an unknown key \"memory\"; it belongs in limits = { ... }\n"
        "usher.toml:5:1: error: [server] has an unknown key \"colour\"; write one of runtime_directory, "
        "state_directory, user, login_user, minimum_uid\n");
  CHECK(faults_before_good("[program.x]\ncommand = [\"/x\"]\nlimits = { open_file = 3 }") ==
        "usher.toml:3:12: error: limits of program \"x\" has an unknown key \"open_file\"; did you mean open_files?\n");
}

TEST_CASE("fault: a hostile key is cut and shown without its control characters") {
  const std::string faults = faults_before_good("[server]\n\"\\u001b[31m" + std::string(100'000, 'k') + "\" = 1");
  CHECK(faults.starts_with("usher.toml:2:1: error: [server] has an unknown key \"?[31mkkkk"));
  CHECK(faults.size() < 300);
}

TEST_CASE("fault: a section of the wrong form") {
  CHECK(faults_of(source_of("server = 3\nlistener = { name = \"x\" }\npool = []\nprogram = \"cat\"\n")) ==
        "usher.toml: error: there is no listener; add [[listener]] with a name, an address and a pool\n"
        "usher.toml: warning: there is no program, so nothing can be done after a login; add [program.NAME] with a "
        "command, in a file of programs.d\n"
        "usher.toml:1:1: error: server is a whole number; write [server] on a line of its own, and its keys below\n"
        "usher.toml:2:1: error: listener is a table; write [[listener]] on a line of its own, and its keys below\n"
        "usher.toml:3:1: error: pool is a list; write [pool.NAME] on a line of its own, and its keys below\n"
        "usher.toml:4:1: error: program is a text; write [program.NAME] on a line of its own, and its keys below\n");
  CHECK(faults_before_good("[pool]\ninitial = 3") ==
        "usher.toml:2:1: error: pool \"initial\" is a whole number; write [pool.NAME] on a line of its own, and its "
        "keys below\n");
  CHECK(faults_of(source_of("listener = [ 3 ]\n" + std::string("[pool.p]\n[program.x]\ncommand = [\"/x\"]"))) ==
        "usher.toml: error: there is no listener; add [[listener]] with a name, an address and a pool\n"
        "usher.toml:1:14: error: a listener is a whole number; write [[listener]] on a line of its own, and its keys "
        "below\n");
}

TEST_CASE("fault: names of pools and programs that are no names, or words of a command") {
  CHECK(
      faults_before_good("[pool.\"a b\"]\n[pool.all]\n[pool.-a]\n[pool.\"\"]") ==
      "usher.toml:1:7: error: pool \"a b\" has a name which has another character than a-z A-Z 0-9 _ . -; write 1 to "
      "32 "
      "characters of a-z A-Z 0-9 _ . -, the first a letter or a digit; not all, listener or pool\n"
      "usher.toml:2:7: error: pool \"all\" has a name which is a word of `usher restart`; write 1 to 32 characters of "
      "a-z A-Z 0-9 _ . -, the first a letter or a digit; not all, listener or pool\n"
      "usher.toml:3:7: error: pool \"-a\" has a name which does not begin with a letter or a digit; write 1 to 32 "
      "characters of a-z A-Z 0-9 _ . -, the first a letter or a digit; not all, listener or pool\n"
      "usher.toml:4:7: error: pool \"\" has a name which is empty; write 1 to 32 characters of a-z A-Z 0-9 _ . -, the "
      "first a letter or a digit; not all, listener or pool\n");
  const std::string long_name(33, 'n');
  CHECK(faults_before_good("[program." + long_name + "]\ncommand = [\"/x\"]") ==
        "usher.toml:1:10: error: program \"" + long_name +
            "\" has a name which is longer than 32 characters; write 1 to "
            "32 characters of a-z A-Z 0-9 _ . -, the first a letter or a digit\n");
  CHECK(faults_before_good("[program.listener]\ncommand = [\"/x\"]").empty());
}

TEST_CASE("fault: required keys that are missing") {
  CHECK(faults_before_good("[[listener]]") ==
        "usher.toml:1:1: error: listener 1 has no name; add it, for example name = \"generic\"\n"
        "usher.toml:1:1: error: listener 1 has no address; add it, for example address = \"127.0.0.1:4000\"\n"
        "usher.toml:1:1: error: listener 1 has no pool; add it, for example pool = \"generic\"\n");
  CHECK(faults_before_good("[program.x]\nusers = [\"*\"]") ==
        "usher.toml:1:1: error: program \"x\" has no command; add it, for example command = [\"/bin/cat\"]\n");
}

TEST_CASE("fault: a value of the wrong type, for every kind of value") {
  CHECK(faults_before_good("[pool.x]\ninitial = \"3\"\nthreshold = 1.5\nwait = 1\npam_service = true\n"
                           "additional = 2020-02-02") ==
        "usher.toml:2:11: error: initial of pool \"x\" is a text; write a whole number from 0 to 100000, for example "
        "initial = 3\n"
        "usher.toml:3:13: error: threshold of pool \"x\" is a number with a fraction; write a whole number from 0 to "
        "100000, for example threshold = 2\n"
        "usher.toml:4:8: error: wait of pool \"x\" is a whole number; write true or false, for example wait = true\n"
        "usher.toml:5:15: error: pam_service of pool \"x\" is a truth value; write the name of a PAM service: 1 to 64 "
        "characters of a-z 0-9 _ . -, the first a letter or a digit, for example pam_service = \"usher\"\n"
        "usher.toml:6:14: error: additional of pool \"x\" is a date or a time; write a whole number from 0 to 100000, "
        "for example additional = 2\n");
  CHECK(
      faults_before_good("[program.x]\ncommand = [\"/x\"]\nusers = \"*\"\nenvironment = []\nstderr = 1\ntimeout = 60\n"
                         "limits = 3\ndescription = { a = 1 }") ==
      "usher.toml:3:9: error: users of program \"x\" is a text; write a list of at most 1000, each the name of an "
      "account, or * for everybody, for example users = []\n"
      "usher.toml:4:15: error: environment of program \"x\" is a list; write a table { NAME = \"value\" } of at most "
      "64 "
      "variables, for example environment = { LANG = \"C.UTF-8\" }\n"
      "usher.toml:5:10: error: stderr of program \"x\" is a whole number; write \"log\" or \"client\", for example "
      "stderr = \"log\"\n"
      "usher.toml:6:11: error: timeout of program \"x\" is a whole number; write a duration from \"0s\" to \"365d\" "
      "(units ms s m h d), for example timeout = \"0s\"\n"
      "usher.toml:7:10: error: limits of program \"x\" is a whole number; write a table { ... } with keys of its own, "
      "for example limits = {}\n"
      "usher.toml:8:15: error: description of program \"x\" is a table; write one line of at most 200 bytes without "
      "control characters, for example description = \"\"\n");
  CHECK(faults_before_good("[program.x]\ncommand = [\"/x\"]\nlimits = { memory = 512 }") ==
        "usher.toml:3:21: error: memory of limits of program \"x\" is a whole number; write a size from \"0\" to "
        "\"1024T\" (units k M G T), for example memory = \"512M\"\n");
}

TEST_CASE("fault: a value out of its range, for every kind of value") {
  CHECK(faults_before_good("[server]\nminimum_uid = -1\n[pool.x]\nmaximum = 0\ninitial = 9223372036854775807") ==
        "usher.toml:2:15: error: minimum_uid of [server] is -1; write a whole number from 0 to 4294967294, for example "
        "minimum_uid = 1\n"
        "usher.toml:4:11: error: maximum of pool \"x\" is 0; write a whole number from 1 to 100000, for example "
        "maximum = 500\n"
        "usher.toml:5:11: error: initial of pool \"x\" is 9223372036854775807; write a whole number from 0 to 100000, "
        "for example initial = 3\n");
  CHECK(
      faults_before_good("[program.x]\ncommand = [\"/x\"]\ntimeout = \"400d\"\nnice = 20\nstderr = \"file\"\n"
                         "limits = { memory = \"1025T\", cpu = \"60\" }") ==
      "usher.toml:3:11: error: timeout of program \"x\" is \"400d\"; write a duration from \"0s\" to \"365d\" (units "
      "ms "
      "s m h d), for example timeout = \"0s\"\n"
      "usher.toml:4:8: error: nice of program \"x\" is 20; write a whole number from -20 to 19, for example nice = 0\n"
      "usher.toml:5:10: error: stderr of program \"x\" is \"file\"; write \"log\" or \"client\", for example stderr = "
      "\"log\"\n"
      "usher.toml:6:21: error: memory of limits of program \"x\" is \"1025T\"; write a size from \"0\" to \"1024T\" "
      "(units k M G T), for example memory = \"512M\"\n"
      "usher.toml:6:36: error: cpu of limits of program \"x\" is \"60\"; write a duration from \"0s\" to \"365d\" "
      "(units "
      "ms s m h d), for example cpu = \"0s\"\n");
}

TEST_CASE("fault: texts that do not fit their key") {
  CHECK(faults_before_good("[server]\nruntime_directory = \"run\"\nuser = \"a:b\"\nlogin_user = \"\"\n"
                           "state_directory = \"/a\\u0000b\"") ==
        "usher.toml:2:21: error: runtime_directory of [server] is \"run\", which is not an absolute path; write the "
        "absolute path of a directory, at most 80 bytes long\n"
        "usher.toml:3:8: error: user of [server] is \"a:b\", which has a colon; write the name of an account of this "
        "machine\n"
        "usher.toml:4:14: error: login_user of [server] is \"\", which is empty; write the name of an account of this "
        "machine\n"
        "usher.toml:5:19: error: state_directory of [server] is \"/a?b\", which has a control character; write the "
        "absolute path of a directory\n");
  CHECK(faults_before_good("[server]\nruntime_directory = \"/" + std::string(80, 'r') + "\"")
            .find("which is longer than 80 bytes") != std::string::npos);
  CHECK(
      faults_before_good("[pool.x]\npam_service = \"Login\"\npam_directory = \"pam.d\"\n[pool.y]\n"
                         "pam_service = \"../x\"") ==
      "usher.toml:2:15: error: pam_service of pool \"x\" is \"Login\", which has capital letters, which libpam does "
      "not "
      "look for; write the name of a PAM service: 1 to 64 characters of a-z 0-9 _ . -, the first a letter or a digit\n"
      "usher.toml:3:17: error: pam_directory of pool \"x\" is \"pam.d\", which is not an absolute path; write the "
      "absolute path of a directory, or nothing between the quotes\n"
      "usher.toml:5:15: error: pam_service of pool \"y\" is \"../x\", which does not begin with a letter or a digit; "
      "write the name of a PAM service: 1 to 64 characters of a-z 0-9 _ . -, the first a letter or a digit\n");
  CHECK(faults_before_good("[program.x]\ncommand = [\"/x\"]\nworking_directory = \"work\"\ndescription = \"a\\nb\"") ==
        "usher.toml:3:21: error: working_directory of program \"x\" is \"work\", which is neither absolute nor in the "
        "user's home; write \"~\", \"~/...\" or an absolute path\n"
        "usher.toml:4:15: error: description of program \"x\" is \"a?b\", which has a control character; write one "
        "line of "
        "at most 200 bytes without control characters\n");
}

TEST_CASE("fault: a bad address, and a listener with the name of a command's word") {
  CHECK(
      faults_before_good("[[listener]]\nname = \"pool\"\naddress = \"localhost:4000\"\npool = \"workers\"") ==
      "usher.toml:2:8: error: name of listener \"pool\" is \"pool\", which is a word of `usher restart`; write 1 to 32 "
      "characters of a-z A-Z 0-9 _ . -, the first a letter or a digit; not all, listener or pool\n"
      "usher.toml:3:11: error: address of listener \"pool\" is \"localhost:4000\", which is not numeric; write a "
      "numeric "
      "address with a port, like \"127.0.0.1:4000\" or \"[::1]:4000\", or \"unix:\" and an absolute path\n");
}

TEST_CASE("fault: a command that is empty, relative, or holds what is no text") {
  CHECK(
      faults_before_good("[program.a]\ncommand = []\n[program.b]\ncommand = [\"cat\", 3, \"\\u0000\"]\n"
                         "[program.c]\ncommand = \"/bin/cat\"") ==
      "usher.toml:2:11: error: command of program \"a\" has 0 elements; write a list of 1 to 256 texts in quotes: the "
      "absolute path of a program, then its arguments, for example command = [\"/bin/cat\"]\n"
      "usher.toml:4:12: error: command of program \"b\" begins with \"cat\", which is not an absolute path; write the "
      "absolute path of a program\n"
      "usher.toml:4:19: error: command of program \"b\" holds a whole number; put each element in quotes\n"
      "usher.toml:4:22: error: command of program \"b\" holds \"?\", which has a NUL byte; write a text of at most "
      "4096 "
      "bytes without NUL bytes\n"
      "usher.toml:6:11: error: command of program \"c\" is a text; write a list of 1 to 256 texts in quotes: the "
      "absolute path of a program, then its arguments, for example command = [\"/bin/cat\"]\n");
}

TEST_CASE("fault: everybody is allowed to stand among users only") {
  CHECK(faults_before_good("[program.x]\ncommand = [\"/x\"]\ngroups = [\"*\"]\ndeny_users = [\"*\"]") ==
        "usher.toml:3:11: error: groups of program \"x\" holds \"*\", which stands for everybody in users only; write "
        "the "
        "name of a group of this machine\n"
        "usher.toml:4:15: error: deny_users of program \"x\" holds \"*\", which stands for everybody in users only; "
        "write "
        "the name of an account of this machine\n");
}

TEST_CASE("fault: variables that are no names, that Usher sets, or that are no text") {
  CHECK(
      faults_before_good("[program.x]\ncommand = [\"/x\"]\n"
                         "environment = { PATH = \"x\", \"1a\" = \"y\", A = 3, USHER_X = \"1\", B = \"\\u0000\" }") ==
      "usher.toml:3:17: error: environment of program \"x\" names \"PATH\", which Usher sets itself; leave it out\n"
      "usher.toml:3:29: error: environment of program \"x\" names \"1a\", which is no name of a variable; write "
      "letters, "
      "digits and _, a digit not first\n"
      "usher.toml:3:45: error: environment of program \"x\" sets A to a whole number; put the value in quotes\n"
      "usher.toml:3:48: error: environment of program \"x\" names \"USHER_X\", which Usher sets itself; leave it out\n"
      "usher.toml:3:67: error: environment of program \"x\" sets B to \"?\", which has a NUL byte; write a text of at "
      "most 4096 bytes without NUL bytes\n");
}

TEST_CASE("fault: references to pools and programs that are not there") {
  CHECK(faults_before_good(
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\npool = \"worker\"\nprogram = \"dog\"") ==
        "usher.toml:4:8: error: listener \"a\" uses pool \"worker\", which is not there; add [pool.worker], or write "
        "one of "
        "workers\n"
        "usher.toml:5:11: error: listener \"a\" uses program \"dog\", which is not there; add [program.dog], or write "
        "one "
        "of cat\n");
}

TEST_CASE("fault: what may stand in a file that cannot be read is not told as missing") {
  ConfigurationSource source = source_of(
      "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\npool = \"p\"\n"
      "program = \"x\"\n[pool.p]\n",
      "[program.x\n");
  CHECK(parse_configuration(source).faults.size() == 1);
  source.files[1].text.clear();
  source.complete = false;
  CHECK(parse_configuration(source).faults.empty());
  CHECK(parse_configuration(ConfigurationSource{}).faults.empty());
}

TEST_CASE("fault: names and addresses that are there twice") {
  CHECK(
      faults_before_good("[[listener]]\nname = \"main\"\naddress = \"0.0.0.0:7\"\npool = \"workers\"\n"
                         "[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:7\"\npool = \"workers\"") ==
      "usher.toml:7:11: error: listener \"b\" listens on \"127.0.0.1:7\", which clashes with \"0.0.0.0:7\" of listener "
      "\"main\" at usher.toml:3; give one of them another address or port\n"
      "usher.toml:10:8: error: listener \"main\" is there twice, first at usher.toml:2; give one of them another "
      "name\n");
  CHECK(
      faults_of(source_of(kGood, "[program.cat]\ncommand = [\"/bin/dog\"]\n")) ==
      "programs.d/p.toml:1:10: error: program \"cat\" is there twice, first at usher.toml:6; give one of them another "
      "name\n");
}

TEST_CASE("fault: sections that belong in the main file") {
  CHECK(faults_of(source_of(kGood, "[server]\nuser = \"x\"\n")) ==
        "programs.d/p.toml:1:2: error: a file of programs.d has a section \"server\"; move it to usher.toml; only "
        "[program.NAME] stands here\n");
}

TEST_CASE("fault: initial or threshold over maximum, but not over a maximum that is refused itself") {
  CHECK(faults_before_good("[pool.x]\ninitial = 10\nthreshold = 20\nmaximum = 5") ==
        "usher.toml:2:11: error: initial of pool \"x\" is 10, more than its maximum of 5; write 5 or less, or raise "
        "maximum\n"
        "usher.toml:3:13: error: threshold of pool \"x\" is 20, more than its maximum of 5; write 5 or less, or raise "
        "maximum\n");
  CHECK(lines_of(parse_configuration(source_of("[pool.x]\ninitial = 600\nmaximum = 0\n" + std::string(kGood))).faults)
            .size() == 1);
}

TEST_CASE("fault: a pool that is never refilled is warned about where its listener needs it to be") {
  const std::string text =
      "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\npool = \"x\"\n[pool.x]\nthreshold = 0\nadditional = 0";
  CHECK(faults_before_good(text) ==
        "usher.toml:6:13: warning: threshold of pool \"x\" is 0, so listener \"a\" gets no worker after the first 3; "
        "write "
        "1 or more\n"
        "usher.toml:7:14: warning: additional of pool \"x\" is 0, so listener \"a\" gets no worker after the first 3; "
        "write "
        "1 or more\n");
  std::string spawning = text;
  spawning.insert(spawning.find("pool ="), "dispatch = \"spawn\"\n");
  CHECK(faults_before_good(spawning).empty());
}

TEST_CASE("fault: a program for nobody is warned about") {
  const ConfigurationSource source = source_of(kGood,
                                               "[program.x]\ncommand = [\"/x\"]\n[program.y]\n"
                                               "command = [\"/y\"]\ngroups = [\"staff\"]\n");
  CHECK(lines_of(parse_configuration(source).faults) ==
        std::vector<std::string>{
            "programs.d/p.toml:1:1: warning: program \"x\" names no users and no groups, so nobody may "
            "run it; add users = [\"*\"] for everybody, or names"});
}

TEST_CASE("fault: more elements than a key may have") {
  std::string users;
  for (int i = 0; i < 1001; ++i) users += "\"u\",";
  CHECK(faults_before_good("[program.x]\ncommand = [\"/x\"]\nusers = [" + users + "]").find("has 1001 elements") !=
        std::string::npos);
  std::string variables;
  for (int i = 0; i < 65; ++i) variables += (i == 0 ? "V" : ", V") + std::to_string(i) + " = \"\"";
  CHECK(faults_before_good("[program.x]\ncommand = [\"/x\"]\nenvironment = {" + variables + "}")
            .find("has 65 variables") != std::string::npos);
  std::string pools;
  for (int i = 0; i < 10'001; ++i) pools += "[pool.p" + std::to_string(i) + "]\n";
  CHECK(faults_before_good(pools).find("there are more than 10000 sections of this kind; remove some") !=
        std::string::npos);
}

TEST_CASE("fault: all faults of all files come in one pass, in the order of the files") {
  const ConfigurationSource source = source_of(
      "[[listener]]\nname = \"a\"\naddress = \"x\"\npool = \"p\"\n[pool.p]\ninitial = -1\n[server]\nuser = 1\n",
      "[program.z]\nusers = [\"*\"]\n[program.a]\nusers = [\"*\"]\n");
  std::vector<std::string> places;
  for (const Fault& fault : parse_configuration(source).faults) {
    places.push_back(fault.file + ":" + std::to_string(fault.line));
  }
  CHECK(places == std::vector<std::string>{"usher.toml:3", "usher.toml:6", "usher.toml:8", "programs.d/p.toml:1",
                                           "programs.d/p.toml:3"});
}

TEST_CASE("fault: reserved places that leave none for others, and penalties that shrink") {
  const std::string places = "[reserved]\nnetworks = [\"192.0.2.0/24\"]\nlogins = 100\n";
  CHECK(faults_before_good(places) ==
        "usher.toml:3:10: error: logins of [reserved] is 100, and max_logins of listener \"main\" is 100; write less than 100, or "
        "raise that\n");
  CHECK(faults_before_good("[limits]\npenalty = \"2h\"\n") ==
        "usher.toml:2:11: error: penalty of [limits] is longer than longest_penalty; swap them\n");
  CHECK(faults_before_good("limits = 3") ==
        "usher.toml:1:1: error: limits is a whole number; write [limits] on a line of its own, and its keys below\n");
}
