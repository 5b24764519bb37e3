#include "cli/limits_command.h"

#include <Poco/JSON/Object.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <thread>

#include "auth/throttle.h"
#include "base/clock.h"
#include "base/network.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/installation.h"
#include "jobs/limit_records.h"
#include "worker/directories.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;  // for the listener to forget

// There are none before Usher has first been started.
std::optional<LimitRecords> records_of(const ServerConfig& server) try {
  return LimitRecords(server.state_directory, LimitRecords::Open::existing);
} catch (const Error& error) {
  if (error.code() == ErrorCode::library_not_found) return std::nullopt;
  throw;
}

// Of those against whom something is held; from where accounts log in is nobody's business here.
std::vector<LimitRecord> held(LimitRecords& records) {
  std::vector<LimitRecord> all = records.all();
  std::erase_if(all, [now = wall_clock_ms()](const LimitRecord& record) { return record.forgotten_at <= now; });
  return all;
}

double failures_now(const LimitRecord& record) {
  const auto passed = static_cast<double>(std::max<std::int64_t>(0, wall_clock_ms() - record.failures_at));
  return std::max(0.0, record.failures - passed / static_cast<double>(std::max<std::int64_t>(1, record.memory_ms)));
}

std::string refused_until(const LimitRecord& record) {
  return record.refused_until > wall_clock_ms() ? rfc3339(record.refused_until) : "";
}

void print_json(const std::vector<LimitRecord>& records, const std::map<std::string, std::int64_t>& refusals) {
  using Poco::JSON::Object;
  for (const LimitRecord& record : records) {
    Object object(Poco::JSON_PRESERVE_KEY_ORDER);
    object.set("kind", record.kind);
    object.set("name", printable(record.name));
    object.set("failures", std::round(failures_now(record) * 10) / 10);
    object.set("refused", record.refusals);
    object.set("reason", record.reason);
    object.set("refused_until", refused_until(record));
    object.set("forgotten", rfc3339(record.forgotten_at));
    object.stringify(std::cout);
    std::cout << "\n";
  }
  for (const auto& [reason, count] : refusals) {
    Object object(Poco::JSON_PRESERVE_KEY_ORDER);
    object.set("kind", "reason");
    object.set("name", reason);
    object.set("refused", count);
    object.stringify(std::cout);
    std::cout << "\n";
  }
}

void print_text(const std::vector<LimitRecord>& records, const std::map<std::string, std::int64_t>& refusals) {
  for (const LimitRecord& record : records) {
    std::cout << record.kind << " " << printable(record.name) << ": " << std::lround(failures_now(record)) << " failed logins";
    if (record.refusals > 0) std::cout << ", refused " << record.refusals << " times (" << record.reason << ")";
    if (const std::string until = refused_until(record); !until.empty()) std::cout << ", refused until " << until;
    std::cout << "\n";
  }
  if (records.empty()) std::cout << "nothing is held against anybody\n";
  for (const auto& [reason, count] : refusals) std::cout << "refused for " << reason << ": " << count << "\n";
}

int list(const CommandLine& line, const ServerConfig& server) {
  auto records = records_of(server);
  std::vector<LimitRecord> shown;
  std::map<std::string, std::int64_t> refusals;
  if (records) {
    shown = held(*records);
    refusals = records->refusals();
  }
  line.has("json") ? print_json(shown, refusals) : print_text(shown, refusals);
  return status::kDone;
}

bool is_meant(const LimitRecord& record, const std::string& what) {
  if (what == "all" || record.name == what) return true;
  if (record.kind == "account") return record.name == throttle_name(what);
  const auto network = Network::parse(what);
  const auto address = endpoint_of(record.name, 0);
  return network && address && network->contains(*address);
}

// The wish is gone when it is fulfilled.
void wait_fulfilled(LimitRecords& records) {
  const Instant deadline = Clock::now() + kPatience;
  while (records.has_wishes()) {
    if (Clock::now() >= deadline) throw Error(ErrorCode::busy, "the listener does not answer; it will forget when it does");
    std::this_thread::sleep_for(5ms);
  }
}

int forget(const ServerConfig& server, const std::string& what) {
  auto records = starter_pid(server.runtime_directory) != 0 ? records_of(server) : std::nullopt;
  if (!records) {
    throw Error(ErrorCode::not_running, "Usher is not running in " + server.runtime_directory + "; start it with: usher start");
  }
  const std::vector<LimitRecord> before = held(*records);
  const bool found =
      std::any_of(before.begin(), before.end(), [&](const LimitRecord& record) { return is_meant(record, what); });
  records->wish(what);
  wait_fulfilled(*records);
  // The list lags behind by a second.
  if (!found) std::cerr << "usher: nothing was listed for " << printable(what) << "; what there was is forgotten\n";
  return status::kDone;
}

}  // namespace

int limits_command(std::span<const std::string> arguments) {
  const CommandLine line(configuration_and_json_options(), arguments);
  line.check_operands(0, 2);
  const auto& operands = line.operands();
  if (!operands.empty() && operands[0] != "forget") throw UsageError("\"" + operands[0] + "\" is not forget");
  if (operands.size() == 1) throw UsageError("forget takes an address, a network, an account, or all");
  const ServerConfig server = server_of(line.configuration());
  give_up_root(server);
  return operands.empty() ? list(line, server) : forget(server, operands[1]);
}

}  // namespace usher
