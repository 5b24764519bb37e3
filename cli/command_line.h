// The options and operands that follow the name of a command.
//
// Shape:  options are --name, --name VALUE, --name=VALUE, or their first letters; "--" ends them.
#pragma once

#include <Poco/Util/OptionSet.h>

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace usher {

// The command line is not what the command takes: told together with its usage, status 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class CommandLine {
 public:
  // Options may stand among the first `free_operands` operands; what follows the next one belongs to somebody else and
  // is an operand whatever it looks like. Errors: UsageError.
  CommandLine(const Poco::Util::OptionSet& options, std::span<const std::string> arguments,
              std::size_t free_operands = std::numeric_limits<std::size_t>::max());

  bool has(const std::string& option) const { return values_.count(option) != 0; }
  std::optional<std::string> value(const std::string& option) const;
  const std::vector<std::string>& operands() const noexcept { return operands_; }
  // Errors: UsageError when there are fewer or more.
  void check_operands(std::size_t least, std::size_t most) const;

  // --config, else USHER_CONFIG, else /etc/usher/usher.toml.
  std::string configuration() const;

 private:
  void take(const std::string& option, const std::string& value) { values_[option] = value; }

  std::map<std::string, std::string> values_;
  std::vector<std::string> operands_;
};

// --config FILE, which every command takes.
Poco::Util::OptionSet configuration_options();
// And --json.
Poco::Util::OptionSet configuration_and_json_options();

}  // namespace usher
