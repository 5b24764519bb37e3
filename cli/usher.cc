#include "cli/usher.h"

#include <Poco/Util/Option.h>

#include <algorithm>
#include <exception>
#include <iomanip>
#include <iostream>

#include "cli/command.h"
#include "cli/command_line.h"

namespace usher {
namespace {

using Poco::Util::Option;
using Poco::Util::OptionSet;

constexpr int kSummaryColumn = 10;

OptionSet leading_options() {
  OptionSet options = configuration_and_json_options();
  options.addOption(Option("help", "h", "this, or with a command what it takes"));
  options.addOption(Option("version", "V", "the version"));
  return options;
}

std::string spelled(const Option& option) {
  std::string text = option.shortName().empty() ? "    " : "-" + option.shortName() + ", ";
  text += "--" + option.fullName();
  return option.takesArgument() ? text + " " + option.argumentName() : text;
}

void print_options(const OptionSet& options, std::ostream& out) {
  std::size_t width = 0;
  for (const Option& option : options) width = std::max(width, spelled(option).size());
  out << "\n";
  for (const Option& option : options) {
    const std::string text = spelled(option);
    out << "  " << text << std::string(width + 2 - text.size(), ' ') << option.description() << "\n";
  }
}

void print_usage(const Command& command, std::ostream& out) {
  out << "usage: usher " << command.name << " " << command.synopsis << "\n";
}

void print_help(const Command& command) {
  print_usage(command, std::cout);
  std::cout << "\n" << command.summary << "\n";
  if (command.options != nullptr) print_options(command.options(), std::cout);
}

void print_help(std::ostream& out) {
  out << "usage: usher COMMAND [OPTION...] [ARGUMENT...]\n\n";
  for (const Command& command : commands()) {
    out << "  " << std::left << std::setw(kSummaryColumn) << command.name << command.summary << "\n";
  }
  out << "\nusher COMMAND --help tells more; so do usher(1) and usher.toml(5).\n";
}

int wrong_usage(const std::string& what) {
  std::cerr << "usher: " << what << "; usher --help lists the commands\n";
  return status::kUsage;
}

int wrong_usage(const std::string& what, const Command& command) {
  std::cerr << "usher " << command.name << ": " << what << "\n";
  print_usage(command, std::cerr);
  return status::kUsage;
}

int run_command(const Command& command, std::span<const std::string> arguments) {
  try {
    return command.run(arguments);
  } catch (const UsageError& error) {
    return wrong_usage(error.what(), command);
  } catch (const std::exception& error) {
    std::cerr << "usher " << command.name << ": " << error.what() << "\n";
    return status::kFailed;
  }
}

// Options before the command are the command's.
std::vector<std::string> with_leading_options(const CommandLine& line) {
  std::vector<std::string> arguments;
  if (const auto file = line.value("config")) arguments.push_back("--config=" + *file);
  if (line.has("json")) arguments.emplace_back("--json");
  arguments.insert(arguments.end(), line.operands().begin() + 1, line.operands().end());
  return arguments;
}

int run_line(const CommandLine& line) {
  if (line.has("version")) {
    std::cout << "usher " << USHER_VERSION << "\n";
    return status::kDone;
  }
  if (line.operands().empty()) {
    print_help(line.has("help") ? std::cout : std::cerr);
    return line.has("help") ? status::kDone : status::kUsage;
  }
  const std::string& name = line.operands()[0];
  const Command* command = find_command(name);
  if (command == nullptr) return wrong_usage("there is no command \"" + name + '"');
  const bool asked = line.operands().size() > 1 && (line.operands()[1] == "--help" || line.operands()[1] == "-h");
  if (!line.has("help") && !asked) return run_command(*command, with_leading_options(line));
  print_help(*command);
  return status::kDone;
}

}  // namespace

int run_usher(std::span<const std::string> arguments) {
  try {
    const int result = run_line(CommandLine(leading_options(), arguments, 0));
    if (std::cout.flush() || result != status::kDone) return result;
    std::cerr << "usher: cannot write to standard output\n";
  } catch (const UsageError& error) {
    return wrong_usage(error.what());
  }
  return status::kFailed;
}

}  // namespace usher
