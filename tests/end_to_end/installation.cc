#include "tests/end_to_end/installation.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "tests/support/process_table.h"

namespace usher::testing {
namespace {

// One line of flat JSON: {"job":"000001/usher/pool","pid":7}.
JobRow parse_row(const std::string& line) {
  JobRow row;
  std::size_t at = 1;
  while (at < line.size() && line[at] == '"') {
    const std::size_t name_end = line.find('"', at + 1);
    const std::string name = line.substr(at + 1, name_end - at - 1);
    std::size_t begin = name_end + 2;
    std::size_t end = 0;
    if (line[begin] == '"') {
      end = line.find('"', ++begin);
      at = end + 2;
    } else {
      end = line.find_first_of(",}", begin);
      at = end + 1;
    }
    std::string value = line.substr(begin, end - begin);
    for (std::size_t slash = 0; (slash = value.find("\\/", slash)) != std::string::npos;) value.erase(slash, 1);
    row[name] = value;
  }
  return row;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::vector<std::string> command_line(std::vector<std::string> words, const std::string& configuration) {
  words.insert(words.begin(), USHER_COMMAND);
  words.insert(words.begin() + 2, {"--config", configuration});
  return words;
}

// The rows of a command that succeeded.
std::vector<Row> rows_of(const std::string& command, const Result& result) {
  if (result.ending.code != 0) throw std::runtime_error("usher " + command + ": " + result.error_output);
  std::vector<Row> rows;
  for (const std::string& line : lines_of(result.output)) rows.push_back(parse_row(line));
  return rows;
}

}  // namespace

Setting steady(Setting setting) {
  const std::string workers = std::to_string(kSteadyWorkers);
  setting.pool += "\ninitial = " + workers + "\nthreshold = " + workers + "\nadditional = 1\n";
  return setting;
}

std::string write_configuration(const TemporaryDirectory& directory, const Setting& setting) {
  directory.write("programs.d/README", "one file a program\n");
  return directory.write(
      "usher.toml", "[server]\nruntime_directory = \"" + directory.path("run") + "\"\nstate_directory = \"" +
                        directory.path("state") + "\"\n" + setting.server +
                        "\n\n[[listener]]\nname = \"generic\"\naddress = \"" + setting.address +
                        "\"\npool = \"generic\"\nrefusal_time = \"" + setting.refusal_time + "\"\n" + setting.listener +
                        "\n\n[pool.generic]\npam_service = \"" + setting.pam_service + "\"\npam_directory = \"" +
                        setting.pam_directory + "\"\n" + setting.pool + "\n\n" + setting.programs + setting.more);
}

Installation::Installation(const Setting& setting, const std::vector<std::string>& before) {
  write_configuration(directory_, setting);
  start(before);
}

Installation::~Installation() {
  if (!process_->wait_for_end(std::chrono::milliseconds(0))) {
    process_->signal(SIGTERM);
    process_->wait_for_end(kPatience);
  }
}

void Installation::start(const std::vector<std::string>& before) {
  std::vector<std::string> command = before;
  command.insert(command.end(), {USHER_COMMAND, "start", "--foreground", "--config", configuration()});
  process_.emplace(command);
  if (!process_->wait_for_error_text(" ready configuration=")) {
    throw std::runtime_error("Usher did not start:\n" + process_->error_output());
  }
}

std::string Installation::address(const std::string& listener) const {
  const std::string text = log();
  const std::string mark = "listening listener=" + listener + " address=";
  const std::size_t at = text.find(mark);
  if (at == std::string::npos) throw std::runtime_error("no listener " + listener + " in the log:\n" + text);
  const std::size_t begin = at + mark.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

Result Installation::usher(std::vector<std::string> words) const {
  return run(command_line(std::move(words), configuration()));
}

std::vector<Row> Installation::status() const {
  return rows_of("status", usher({"status", "--json"}));
}

std::string Installation::present_address(const std::string& listener) const {
  for (const Row& row : status()) {
    if (row.at("kind") == "listener" && row.at("name") == listener) return row.at("address");
  }
  throw std::runtime_error("no listener " + listener + " in the status");
}

std::vector<JobRow> Installation::jobs(bool all) const {
  std::vector<std::string> words{"jobs", "--json"};
  if (all) words.push_back("--all");
  return rows_of("jobs", usher(words));
}

JobRow Installation::job_of(const Client& client) const {
  std::vector<JobRow> rows;
  wait_until([&] { return !(rows = jobs_with("client", client.local_address())).empty(); });
  if (rows.size() != 1) throw std::runtime_error(std::to_string(rows.size()) + " jobs of " + client.local_address());
  return rows[0];
}

std::vector<JobRow> Installation::jobs_with(const std::string& key, const std::string& value) const {
  std::vector<JobRow> rows = jobs(true);
  rows.erase(std::remove_if(rows.begin(), rows.end(),
                            [&](const JobRow& row) { return !row.count(key) || row.at(key) != value; }),
             rows.end());
  return rows;
}

pid_t Installation::service(const std::string& name) const {
  for (const ProcessEntry& process : children_of(starter())) {
    if (process.name == name) return process.pid;
  }
  return 0;
}

bool Installation::has_new_service(const std::string& name, pid_t before) const {
  const pid_t now = service(name);
  return now != 0 && now != before;
}

bool Installation::is_calm(std::size_t ready) const {
  if (service("usher-pool") == 0 || service("usher-listener") == 0) return false;
  std::size_t workers = 0;
  std::vector<pid_t> known{service("usher-pool"), service("usher-listener")};
  for (const JobRow& row : jobs()) {
    const auto pid = static_cast<pid_t>(std::stol(row.at("pid")));
    if (row.at("kind") != "worker") {
      if (std::find(known.begin(), known.end(), pid) == known.end()) return false;
      continue;
    }
    if (row.at("status") != "ready" || !is_running(pid)) return false;
    known.push_back(pid);
    ++workers;
  }
  // Each worker has its login process below it; besides, there is the template alone.
  std::size_t templates = 0;
  for (const ProcessEntry& process : children_of(starter())) {
    if (std::find(known.begin(), known.end(), process.pid) != known.end()) continue;
    if (process.name != "usher-worker" || !children_of(process.pid).empty()) return false;
    ++templates;
  }
  return workers >= ready && templates == 1;
}

Background::Background(std::string configuration, std::vector<std::string> before)
    : configuration_(std::move(configuration)) {
  const std::vector<std::string> command = command_line({"start"}, configuration_);
  before.insert(before.end(), command.begin(), command.end());
  start_ = run(before);
  const std::string mark = "Usher is running (process ";
  if (start_.output.starts_with(mark)) pid_ = static_cast<pid_t>(std::stol(start_.output.substr(mark.size())));
}

Background::~Background() {
  if (pid_ == 0 || !is_running(pid_)) return;
  try {
    usher({"stop"});
  } catch (const std::exception&) {
    ::kill(pid_, SIGKILL);  // it does not answer; what is below it ends with it
  }
}

Result Background::usher(std::vector<std::string> words) const {
  return run(command_line(std::move(words), configuration_));
}

std::string shell_program(const std::string& name, const std::string& script, const std::string& more) {
  return "[program." + name + "]\ndescription = \"a test\"\nusers = [\"*\"]\ncommand = [\"/bin/sh\", \"-c\", '''" +
         script + "''']\n" + more + "\n";
}

void log_in(Client& client, const std::string& user, const std::string& program) {
  client.answer(100, user);
  client.answer(101, user + "-secret");
  client.answer(102, program);
  client.expect_line(110);
}

std::string run_program(const std::string& address, const std::string& user, const std::string& program) {
  Client client(address);
  log_in(client, user, program);
  return client.read_until_closed();
}

}  // namespace usher::testing
