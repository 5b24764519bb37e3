#include "cli/check_command.h"

#include <Poco/JSON/Object.h>
#include <Poco/Util/Option.h>

#include <iostream>

#include "base/configuration_report.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/live_check.h"
#include "tls/check.h"

namespace usher {
namespace {

void print_json(const Fault& fault) {
  Poco::JSON::Object object(Poco::JSON_PRESERVE_KEY_ORDER);
  object.set("severity", fault.severity == Severity::error ? "error" : "warning");
  object.set("file", printable(fault.file));
  object.set("line", fault.line);
  object.set("column", fault.column);
  object.set("message", fault.message);
  object.set("remedy", fault.remedy);
  object.stringify(std::cout);
  std::cout << "\n";
}

void print_json(const ConfigurationResult& result) {
  for (const Fault& fault : result.faults) print_json(fault);
  Poco::JSON::Object object(Poco::JSON_PRESERVE_KEY_ORDER);
  object.set("ok", result.ok());
  object.set("summary", summary_text(result));
  object.stringify(std::cout);
  std::cout << "\n";
}

// What is wrong goes to standard error, with the summary; good news to standard output.
void print_text(const ConfigurationResult& result) {
  std::cerr << faults_text(result.faults);
  (result.ok() ? std::cout : std::cerr) << summary_text(result) << "\n";
}

int show(const LiveCheck& check, bool json) {
  for (const std::string& what : check.disagreements) {
    if (!json) {
      std::cerr << what << "\n";
      continue;
    }
    Poco::JSON::Object object(Poco::JSON_PRESERVE_KEY_ORDER);
    object.set("disagreement", printable(what));
    object.stringify(std::cout);
    std::cout << "\n";
  }
  const bool ok = check.disagreements.empty();
  if (json) {
    Poco::JSON::Object object(Poco::JSON_PRESERVE_KEY_ORDER);
    object.set("ok", ok);
    object.set("jobs", check.jobs);
    object.stringify(std::cout);
    std::cout << "\n";
  } else if (ok) {
    std::cout << "registry, ready queue, sockets, descriptors and processes agree about " << check.jobs << " jobs\n";
  }
  return ok ? status::kDone : status::kFailed;
}

}  // namespace

Poco::Util::OptionSet check_options() {
  auto options = configuration_and_json_options();
  options.addOption(Poco::Util::Option("live", "l", "looks at the running Usher: what is written down against what is there"));
  return options;
}

int check_command(std::span<const std::string> arguments) {
  const CommandLine line(check_options(), arguments);
  line.check_operands(0, 0);
  LoadedConfiguration loaded = load_configuration(line.configuration());
  tls::check_certificates(loaded.source, loaded.result);
  if (line.has("live") && loaded.result.ok()) return show(check_live(loaded.result.configuration), line.has("json"));
  if (line.has("json")) {
    print_json(loaded.result);
  } else {
    print_text(loaded.result);
  }
  return loaded.result.ok() ? status::kDone : status::kFailed;
}

}  // namespace usher
