#include "cli/command_line.h"

#include <Poco/Util/Option.h>
#include <Poco/Util/OptionException.h>
#include <Poco/Util/OptionProcessor.h>

#include <cstdlib>

namespace usher {
namespace {

using Poco::Util::Option;
using Poco::Util::OptionSet;

constexpr const char* kDefaultConfiguration = "/etc/usher/usher.toml";

}  // namespace

CommandLine::CommandLine(const OptionSet& options, std::span<const std::string> arguments, std::size_t free_operands) {
  Poco::Util::OptionProcessor processor(options);
  processor.setUnixStyle(true);
  std::string option;
  std::string value;
  try {
    for (const std::string& argument : arguments) {
      const bool free = operands_.size() <= free_operands;
      if (!free || !processor.process(argument, option, value)) {
        operands_.push_back(argument);
      } else if (!option.empty()) {
        take(option, value);
      }
    }
    processor.checkRequired();
  } catch (const Poco::Util::OptionException& error) {
    throw UsageError(error.message().empty() ? error.displayText()
                                             : std::string(error.what()) + ": " + error.message());
  }
}

std::optional<std::string> CommandLine::value(const std::string& option) const {
  const auto found = values_.find(option);
  if (found == values_.end()) return {};
  return found->second;
}

void CommandLine::check_operands(std::size_t least, std::size_t most) const {
  if (operands_.size() < least) throw UsageError("an argument is missing");
  if (operands_.size() > most) throw UsageError("unexpected argument \"" + operands_[most] + '"');
}

std::string CommandLine::configuration() const {
  if (auto given = value("config")) return *given;
  const char* variable = std::getenv("USHER_CONFIG");
  return variable != nullptr && *variable != '\0' ? variable : kDefaultConfiguration;
}

OptionSet configuration_options() {
  OptionSet options;
  options.addOption(
      Option("config", "c", "the configuration, else $USHER_CONFIG, else /etc/usher/usher.toml", false, "FILE", true)
          .repeatable(true));
  return options;
}

OptionSet configuration_and_json_options() {
  OptionSet options = configuration_options();
  options.addOption(Option("json", "", "one JSON object a line").repeatable(true));
  return options;
}

}  // namespace usher
