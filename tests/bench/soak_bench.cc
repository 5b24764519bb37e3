// Everything at once for minutes: guests of every kind, processes killed, reloads, restarts; and then nothing may have grown.
//
// Model:  storms of half a minute, each followed by calm, in which what Usher holds is written down. In the first half processes of
//         all kinds are killed and replaced; in the second listener, pool and starter live on, so that what they hold can be
//         compared.
// Status: 1 when something grew, a guest had no answer, or `usher check --live` disagreed, also in the middle of a storm.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <random>

#include "base/clock.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/front_door.h"
#include "tests/bench/soak_guests.h"
#include "tests/bench/table.h"
#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/wait_until.h"
#include "usher/data_queue.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;
using testing::Installation;
using testing::Setting;

constexpr auto kStorm = 20s;
constexpr auto kCalmAfter = 60s;
constexpr auto kBetweenEvents = 400ms;
constexpr std::size_t kReady = 4;           // workers that each pool keeps
constexpr std::size_t kOwnWorkers = 3;
constexpr std::size_t kServiceJobs = 3;     // listener, pool, the public listener
constexpr int kChecksEvery = 8;             // events
constexpr long kGrowthAllowedKb = 512;      // beside a tenth: the allocator's own
constexpr std::uint64_t kListenerCosts = 8;  // guests at the most who lose their last line with a killed listener

std::string listener(const std::string& name, const std::string& keys) {
  return "[[listener]]\nname = \"" + name + "\"\naddress = \"127.0.0.1:0\"\n" + keys + "\n";
}

std::string pool(const std::string& name, const std::string& keys) {
  return "[pool." + name + "]\nadditional = 2\nidle_time = \"1s\"\n" + keys + "\n";
}

// `guest_house`: one listener more, as a reload may bring.
Setting setting(bool guest_house = false) {
  const std::string login = "max_logins = 60\npending_timeout = \"5s\"\nrefusal_time = \"50ms\"\n";
  const std::string size = "initial = 4\nthreshold = 4\nmaximum = 30\npam_service = \"usher-test\"\n";
  Setting setting;
  setting.programs = "[program.who]\nusers = [\"*\"]\ncommand = [\"/usr/bin/id\", \"-un\"]\n" +
                     testing::shell_program("slow", "id -un; sleep 0.05") + testing::shell_program("stay", "exec cat") +
                     "[program.hello]\ncommand = [\"/bin/echo\", \"hello\"]\n";
  setting.listener = "max_logins = 60\npending_timeout = \"5s\"\n";
  setting.pool = "initial = 4\nthreshold = 4\nadditional = 2\nidle_time = \"1s\"\nmaximum = 30\n";
  setting.refusal_time = "50ms";
  setting.more = listener("shared", "pool = \"shared\"\ndispatch = \"shared\"\n" + login) +
                 listener("spawn", "pool = \"spawn\"\ndispatch = \"spawn\"\n" + login) + listener("own", "pool = \"own\"") +
                 listener("open", "login = \"none\"\nprogram = \"hello\"\nuser = \"" + testing::usual_account() + "\"") +
                 (guest_house ? listener("guest", "pool = \"generic\"\n" + login) : "") + pool("shared", size) +
                 pool("spawn", size) +
                 pool("own", "command = [\"" USHER_PROGRAMS "/http_hello\"]\nuser = \"" + testing::usual_account() +
                                 "\"\ninitial = 3\nthreshold = 0\nmaximum = 3\n");
  return setting;
}

// ---- what Usher holds at a calm moment ----

struct Part {
  pid_t pid = 0;
  std::size_t descriptors = 0;
  long kb = 0;
};

struct Holdings {
  std::map<std::string, Part> parts;  // starter, listener, pool, template
  std::size_t processes = 0;
  std::size_t jobs = 0;
  std::size_t queued = 0;
  std::size_t files = 0;  // but for job logs, which go with the history
};

Part part_of(pid_t pid) { return {pid, testing::descriptors_of(pid).size(), testing::proportional_memory_kb(pid)}; }

std::size_t files_below(const std::string& directory) {
  const auto is_log = [](const auto& entry) { return entry.path().extension() == ".log"; };
  const std::filesystem::recursive_directory_iterator all(directory);
  return static_cast<std::size_t>(std::count_if(begin(all), end(all), std::not_fn(is_log)));
}

Holdings holdings_of(const Installation& usher) {
  Holdings now;
  now.parts = {{"starter", part_of(usher.starter())},
               {"listener", part_of(usher.service("usher-listener"))},
               {"pool", part_of(usher.service("usher-pool"))},
               {"template", part_of(testing::template_of(usher))}};
  now.processes = testing::descendants_of(usher.starter()).size();
  now.jobs = usher.jobs().size();
  Library library(usher.directory().path("run/db/registry.db"));
  now.queued = library.queue("READY").describe().entries;
  now.files = files_below(usher.directory().path("run")) + files_below(usher.directory().path("state"));
  return now;
}

// Nobody has a client, every pool has what it keeps, and no figure moves any more. Empty: so it is; else what is not so.
std::string unrest(const Installation& usher, Holdings& now) try {
  constexpr std::size_t kJobs = kServiceJobs + 2 * kReady + kOwnWorkers;
  now = holdings_of(usher);
  const Holdings again = holdings_of(usher);
  if (now.jobs != kJobs) return std::to_string(now.jobs) + " jobs are not " + std::to_string(kJobs);
  if (now.queued != kReady) return std::to_string(now.queued) + " workers in the ready queue are not " + std::to_string(kReady);
  if (now.parts["template"].pid == 0) return "there is no template";
  if (again.processes != now.processes) return "processes come and go";
  for (const auto& [name, part] : now.parts) {
    if (again.parts.at(name).descriptors != part.descriptors) return "descriptors of the " + name + " come and go";
  }
  return "";
} catch (const std::exception& error) {
  return error.what();  // the registry is being made anew, say
}

// ---- what is done to it ----

class Operator {
 public:
  Operator(const Installation& usher, std::vector<std::string>& faults) : usher_(usher), faults_(faults) {}

  std::uint64_t kills() const noexcept { return kills_; }
  std::uint64_t listeners_killed() const noexcept { return listeners_killed_; }

  // One of the things that happen in a storm.
  void act(bool services_too) {
    static constexpr std::array kServices{"usher-listener", "usher-pool"};
    const unsigned what = next_++;
    if (what % kChecksEvery == 0) return check();
    if (!services_too) return what % 5 == 0 ? reload() : kill_worker();
    switch (what % 6) {
      case 0: return kill_service(kServices.at(what / 6 % 2));
      case 1: return reload();
      case 2: return command({"restart", "listener"});
      case 3: return command({"restart", "pool"});
      case 4: return what / 6 % 3 == 0 ? command({"restart", "all"}) : kill_service("usher-public");
      default: return kill_worker();
    }
  }

  // Nothing disagrees, ever.
  void check() {
    const testing::Result result = usher_.usher({"check", "--live"});
    if (!result.error_output.empty()) faults_.push_back("check --live: " + result.error_output);
  }

  // A listener is there every other time.
  void reload(bool ends = false) {
    usher_.rewrite(setting(!ends && ++reloads_ % 2 == 1));
    command({"reload"});
  }

 private:
  // What cannot be done at this moment, since a service is being replaced, is done another time.
  void command(const std::vector<std::string>& words) {
    const testing::Result result = usher_.usher(words);
    const bool later = result.error_output.find("under way") != std::string::npos;
    if (result.ending.code != 0 && !later) faults_.push_back(words[0] + ": " + result.error_output);
  }

  void kill_service(const std::string& name) {
    const pid_t pid = usher_.service(name);
    if (pid == 0 || !testing::signal_to(pid, SIGKILL)) return;
    name == "usher-listener" ? ++listeners_killed_ : ++kills_;
  }

  void kill_worker() {
    auto all = testing::descendants_of(usher_.starter());
    std::erase_if(all, [&](const auto& process) { return process.name.starts_with("usher-p") || process.name == "usher-listener"; });
    if (!all.empty() && testing::signal_to(all[random_() % all.size()].pid, SIGKILL)) ++kills_;
  }

  const Installation& usher_;
  std::vector<std::string>& faults_;
  unsigned next_ = 1;
  unsigned reloads_ = 0;
  std::uint64_t kills_ = 0;
  std::uint64_t listeners_killed_ = 0;
  std::mt19937 random_{11};
};

// ---- a soak ----

class Soak {
 public:
  explicit Soak(std::chrono::milliseconds time) : time_(time) {}

  void run() {
    const Instant end = Clock::now() + time_;
    const Instant middle = Clock::now() + time_ / 2;
    storm("restarts", true);
    while (Clock::now() < middle) storm("restarts", true);
    storm("first", false);
    const Holdings before = last_;
    do storm("load", false);
    while (Clock::now() < end);
    compare(before, last_);
    judge_fates();
    print();
    if (!faults_.empty()) throw std::runtime_error(std::to_string(faults_.size()) + " faults, above");
  }

 private:
  void storm(const std::string& kind, bool services_too) {
    guests_.come();
    for (const Instant end = Clock::now() + kStorm; Clock::now() < end; std::this_thread::sleep_for(kBetweenEvents)) {
      operator_.act(services_too);
    }
    operator_.reload(true);
    const double back = ms_until_served();
    guests_.leave();
    std::string restless;
    const auto is_calm = [&] { return (restless = unrest(usher_, last_)).empty(); };
    if (!testing::wait_until(is_calm, kCalmAfter)) faults_.push_back("not calm after a storm: " + restless + "\n" + usher_.usher({"jobs"}).output);
    operator_.check();
    add_row(kind, back);
  }

  // With the guests still there: until each road has served one more.
  double ms_until_served() const {
    const Instant begin = Clock::now();
    for (const char* listener : {"generic", "shared", "spawn"}) log_in_once(addresses_, listener);
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  }

  void add_row(const std::string& kind, double back_ms) {
    std::vector<std::string> row{kind, std::to_string(operator_.kills() + operator_.listeners_killed())};
    for (const std::uint64_t count : guests_.fates()) row.push_back(std::to_string(count));
    row.push_back(number(back_ms));
    for (const char* part : {"starter", "listener", "pool", "template"}) {
      row.push_back(std::to_string(last_.parts.at(part).descriptors) + ", " + std::to_string(last_.parts.at(part).kb));
    }
    for (const std::size_t count : {last_.processes, last_.jobs, last_.files}) row.push_back(std::to_string(count));
    table_.add(std::move(row));
  }

  void compare(const Holdings& before, const Holdings& after) {
    const auto same = [&](const std::string& what, std::size_t one, std::size_t other) {
      if (one != other) faults_.push_back(what + " were " + std::to_string(one) + " and are " + std::to_string(other));
    };
    for (const auto& [name, part] : before.parts) {
      const Part& now = after.parts.at(name);
      same("descriptors of the " + name, part.descriptors, now.descriptors);
      if (now.pid != part.pid && name != "template") faults_.push_back("the " + name + " is another process");
      if (now.pid == part.pid && now.kb > part.kb + part.kb / 10 + kGrowthAllowedKb) {
        faults_.push_back("the " + name + " has grown from " + std::to_string(part.kb) + " to " + std::to_string(now.kb) + " KB");
      }
    }
    same("processes", before.processes, after.processes);
    same("jobs", before.jobs, after.jobs);
    same("entries of the ready queue", before.queued, after.queued);
    same("files", before.files, after.files);
  }

  // Each kill costs the guest whom that process had, and no other.
  void judge_fates() {
    const auto fates = guests_.fates();
    const std::uint64_t allowed = operator_.kills() + kListenerCosts * operator_.listeners_killed();
    if (fates[2] > allowed) faults_.push_back(std::to_string(fates[2]) + " guests were cut off, of whom kills explain " + std::to_string(allowed));
    for (const std::string& complaint : guests_.complaints()) faults_.push_back("a guest: " + complaint);
  }

  void print() {
    table_.print();
    for (const std::string& fault : faults_) std::cout << "fault: " << fault << '\n';
    std::cout << std::endl;
  }

  static Addresses addresses_of(const Installation& usher) {
    Addresses addresses;
    for (const char* name : {"generic", "shared", "spawn", "own", "open"}) addresses[name] = usher.address(name);
    return addresses;
  }

  std::chrono::milliseconds time_;
  Installation usher_{setting()};
  Addresses addresses_ = addresses_of(usher_);
  Guests guests_{addresses_};
  std::vector<std::string> faults_;
  Operator operator_{usher_, faults_};
  Holdings last_;
  Table table_{{"storm", "kills", "served", "refused", "cut", "late", "strange", "back ms", "starter fd, KB", "listener", "pool",
                "template", "processes", "jobs", "files"}};
};

void run(const BenchOptions& options) {
  allow_many_descriptors();
  if (!testing::in_private_etc()) throw CannotRun("needs the private /etc");
  std::cout << "# Soak\n\n";
  print_machine();
  std::cout << "After each storm of " << kStorm.count() << " s: what became of the guests so far, how long until every road had served "
            << "one more, and what Usher holds when it is calm.\n\n";
  Soak(options.time).run();
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  usher::bench::BenchOptions usual;
  usual.time = std::chrono::minutes(3);
  return usher::bench::bench_main(count, arguments, usher::bench::run, usual);
}
