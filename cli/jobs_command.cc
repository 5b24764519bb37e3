#include "cli/jobs_command.h"

#include <Poco/Util/Option.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iostream>
#include <set>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/control_client.h"
#include "cli/installation.h"
#include "cli/job_view.h"
#include "jobs/history.h"
#include "jobs/registry.h"
#include "worker/directories.h"

namespace usher {
namespace {

using Poco::Util::Option;

constexpr unsigned kDefaultDelay = 30;  // seconds from SIGTERM to SIGKILL
constexpr unsigned kLongestDelay = 3600;

bool is_running(const ServerConfig& server) { return starter_pid(server.runtime_directory) != 0; }

// There is none before Usher has first been started.
std::optional<History> history_of(const ServerConfig& server) try {
  return History(server.state_directory, History::Open::existing);
} catch (const Error& error) {
  if (error.code() == ErrorCode::library_not_found) return std::nullopt;
  throw;
}

// Which job is meant: one of these is given.
struct Wanted {
  std::uint32_t number = 0;
  std::optional<JobId> id;
};

Wanted parse_job(const std::string& text) {
  if (const auto id = JobId::from_hex(text)) return {0, id};
  Wanted wanted;
  const std::string digits = text.substr(0, text.find('/'));
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), wanted.number);
  if (error != std::errc() || end != digits.data() + digits.size() || wanted.number == 0) {
    throw UsageError("\"" + text + "\" is no job: give its number, its name (000123/usher/generic) or its id");
  }
  return wanted;
}

bool is_meant(const Job& job, const Wanted& wanted) {
  return wanted.id ? job.id == *wanted.id : job.number == wanted.number;
}

std::optional<ShownJob> find_job(const ServerConfig& server, const Wanted& wanted) {
  if (is_running(server)) {
    for (const Job& job : Registry(server.runtime_directory, Registry::Open::existing).jobs()) {
      if (is_meant(job, wanted)) return ShownJob{job, std::nullopt};
    }
  }
  auto history = history_of(server);
  if (!history) return std::nullopt;
  const auto ended = wanted.id ? history->find(*wanted.id) : history->find(wanted.number);
  if (!ended) return std::nullopt;
  return ShownJob{ended->job, ended};
}

// The registry is read first: a job that ends meanwhile goes into the history before it leaves the registry, and is then in
// both.
std::vector<ShownJob> all_jobs(const ServerConfig& server, bool running, bool ended_too) {
  std::vector<Job> present;
  if (running) present = Registry(server.runtime_directory, Registry::Open::existing).jobs();
  std::vector<ShownJob> jobs;
  std::set<JobId> over;
  auto history = ended_too ? history_of(server) : std::nullopt;
  if (history) {
    history->for_each([&](const EndedJob& ended) {
      jobs.push_back({ended.job, ended});
      over.insert(ended.job.id);
    });
  }
  for (const Job& job : present) {
    if (!over.contains(job.id)) jobs.push_back({job, {}});
  }
  return jobs;
}

int no_such_job(const std::string& name) {
  std::cerr << "usher: there is no job " << name << "\n";
  return status::kNothing;
}

int show(const CommandLine& line, const std::string& name) {
  const ServerConfig server = server_of(line.configuration());
  give_up_root(server);
  const auto shown = find_job(server, parse_job(name));
  if (!shown) return no_such_job(name);
  if (line.has("json")) {
    print_json(*shown, std::cout);
  } else {
    print_details(*shown, std::cout);
  }
  return status::kDone;
}

int log(const CommandLine& line, const std::string& name) {
  const ServerConfig server = server_of(line.configuration());
  give_up_root(server);
  const auto shown = find_job(server, parse_job(name));
  if (!shown) return no_such_job(name);
  std::ifstream file(server.state_directory + "/logs/" + shown->job.id.hex() + ".log", std::ios::binary);
  if (file && file.peek() != std::ifstream::traits_type::eof()) std::cout << file.rdbuf();
  return status::kDone;
}

std::uint32_t delay_ms(const CommandLine& line) {
  if (line.has("immediate")) return 0;
  const std::string text = line.value("delay").value_or(std::to_string(kDefaultDelay));
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds == 0 || seconds > kLongestDelay) {
    throw UsageError("--delay takes 1 to " + std::to_string(kLongestDelay) + " seconds");
  }
  return seconds * 1000;
}

// The starter is asked for by who may; what the job is, is looked up without root.
int end(const CommandLine& line, const std::string& name) {
  if (line.has("immediate") && line.has("delay")) throw UsageError("--delay and --immediate exclude each other");
  const AskEndJob request{0, delay_ms(line)};
  const ServerConfig server = server_of(line.configuration());
  ControlClient starter(server.runtime_directory);
  give_up_root(server);
  const auto shown = find_job(server, parse_job(name));
  if (!shown || shown->end) return no_such_job(name);
  if (shown->job.kind != JobKind::worker && shown->job.kind != JobKind::public_program) {
    std::cerr << "usher: " << shown->job.full_name() << " is a part of the service: usher stop ends it\n";
    return status::kFailed;
  }
  const Done done = starter.call(AskEndJob{shown->job.number, request.delay_ms}, {});
  if (!done.text.empty()) std::cerr << "usher: " << done.text.str() << "\n";
  return done.exit_status;
}

}  // namespace

Poco::Util::OptionSet jobs_options() {
  auto options = configuration_and_json_options();
  options.addOption(Option("all", "a", "also jobs that have ended"));
  return options;
}

int jobs_command(std::span<const std::string> arguments) {
  const CommandLine line(jobs_options(), arguments);
  line.check_operands(0, 0);
  const ServerConfig server = server_of(line.configuration());
  give_up_root(server);
  const bool running = is_running(server);
  if (!running && !line.has("all")) {
    throw Error(ErrorCode::not_running, "Usher is not running in " + server.runtime_directory + "; start it with: usher start");
  }
  const std::vector<ShownJob> jobs = all_jobs(server, running, line.has("all"));
  if (line.has("json")) {
    for (const ShownJob& shown : jobs) print_json(shown, std::cout);
  } else {
    print_table(jobs, std::cout);
  }
  return status::kDone;
}

Poco::Util::OptionSet job_options() {
  auto options = configuration_and_json_options();
  options.addOption(Option("delay", "d", "end: seconds from SIGTERM to SIGKILL, 30 when not given", false, "S", true));
  options.addOption(Option("immediate", "i", "end: SIGKILL at once"));
  return options;
}

int job_command(std::span<const std::string> arguments) {
  const CommandLine line(job_options(), arguments);
  line.check_operands(2, 2);
  const std::string& what = line.operands()[0];
  const std::string& name = line.operands()[1];
  if (what == "show") return show(line, name);
  if (what == "log") return log(line, name);
  if (what == "end") return end(line, name);
  throw UsageError("\"" + what + "\" is none of show, log, end");
}

}  // namespace usher
