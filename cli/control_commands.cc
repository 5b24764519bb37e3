#include <Poco/JSON/Object.h>
#include <Poco/Util/Option.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/configuration.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/control_client.h"
#include "cli/installation.h"
#include "cli/pool_figures.h"
#include "cli/service_commands.h"
#include "tls/check.h"
#include "usher/error.h"

namespace usher {
namespace {

int told(const Done& done) {
  if (!done.text.empty()) (done.exit_status == 0 ? std::cout : std::cerr) << "usher: " << done.text.str() << "\n";
  return done.exit_status;
}

ControlClient starter_of(const CommandLine& line) { return ControlClient(server_of(line.configuration()).runtime_directory); }

// Behind each listener's address, from the files as they are now.
void add_ends_of_certificates(const ListenerConfig& listener, std::vector<Fact>& facts) {
  const auto address = std::find_if(facts.begin(), facts.end(), [&](const Fact& fact) {
    return fact.group.str() == "listener" && fact.name.str() == listener.name;
  });
  if (!listener.tls.on() || address == facts.end()) return;
  Fact end{"listener", listener.name, "certificate_ends", "unknown"};
  try {
    end.value = rfc3339(tls::end_of_certificates(listener.tls) * 1000);
  } catch (const Error&) {  // `usher check` says why
  }
  facts.insert(address + 1, std::move(end));
}

// Facts with the same group and name are one line: "listener generic: address 127.0.0.1:4000".
void print_text(const std::vector<Fact>& facts) {
  std::string before;
  for (const Fact& fact : facts) {
    const std::string head = fact.group.str() + " " + fact.name.str();
    if (head != before) std::cout << (before.empty() ? "" : "\n") << head << ":";
    std::cout << (head == before ? ", " : " ") << fact.key.str() << " " << fact.value.str();
    before = head;
  }
  std::cout << "\n";
}

// Behind what the starter says of the same pool. They may be missing: a registry that is damaged does not hide the rest.
void add_pool_figures(const ServerConfig& server, std::vector<Fact>& facts) try {
  give_up_root(server);
  for (const Fact& figure : pool_figures(server)) {
    const auto last = std::find_if(facts.rbegin(), facts.rend(), [&](const Fact& fact) {
      return fact.group == figure.group && fact.name == figure.name;
    });
    if (last != facts.rend()) facts.insert(last.base(), figure);  // pools that are no more are not told of
  }
} catch (const Error& error) {
  std::cerr << "usher: no figures of pools: " << error.what() << "\n";
}

template <class Number>
bool set_number(Poco::JSON::Object& object, const std::string& key, const std::string& value) {
  Number number{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool whole = error == std::errc() && end == value.data() + value.size();
  if (whole) object.set(key, number);
  return whole;
}

// A value of digits is a number, also with a fraction.
void set_value(Poco::JSON::Object& object, const std::string& key, const std::string& value) {
  if (!set_number<std::int64_t>(object, key, value) && !set_number<double>(object, key, value)) object.set(key, value);
}

void print_json(const std::vector<Fact>& facts) {
  using Poco::JSON::Object;
  std::map<std::pair<std::string, std::string>, Object::Ptr> objects;
  std::vector<Object::Ptr> in_order;
  for (const Fact& fact : facts) {
    Object::Ptr& object = objects[{fact.group.str(), fact.name.str()}];
    if (object.isNull()) {
      object = new Object(Poco::JSON_PRESERVE_KEY_ORDER);
      object->set("kind", fact.group.str());
      object->set("name", fact.name.str());
      in_order.push_back(object);
    }
    set_value(*object, fact.key.str(), fact.value.str());
  }
  for (const Object::Ptr& object : in_order) {
    object->stringify(std::cout);
    std::cout << "\n";
  }
}

}  // namespace

Poco::Util::OptionSet stop_options() {
  using Poco::Util::Option;
  auto options = configuration_options();
  options.addOption(Option("drain", "d", "let running programs finish, however long they take"));
  return options;
}

int stop_command(std::span<const std::string> arguments) {
  const CommandLine line(stop_options(), arguments);
  line.check_operands(0, 0);
  ControlClient starter = starter_of(line);
  ControlClient::Answers answers;
  answers.progress = [](const std::string& text) { std::cout << text << std::endl; };
  const int result = told(starter.call(AskStop{line.has("drain")}, answers));
  starter.wait_gone();
  return result;
}

Poco::Util::OptionSet status_options() {
  auto options = configuration_and_json_options();
  options.addOption(Poco::Util::Option("reset", "r", "begins to count anew, after it has shown what was counted"));
  return options;
}

int status_command(std::span<const std::string> arguments) {
  const CommandLine line(status_options(), arguments);
  line.check_operands(0, 0);
  std::vector<Fact> facts;
  ControlClient::Answers answers;
  answers.fact = [&](const Fact& fact) { facts.push_back(fact); };
  const ServerConfig server = server_of(line.configuration());
  const int result = told(ControlClient(server.runtime_directory).call(AskStatus{}, answers));
  std::optional<ControlClient> reset;  // called while this process still may
  if (line.has("reset")) reset.emplace(server.runtime_directory);
  std::vector<Fault> unread;
  const auto configuration = parse_configuration(read_configuration_files(line.configuration(), unread)).configuration;
  for (const ListenerConfig& listener : configuration.listeners) add_ends_of_certificates(listener, facts);
  if (result == status::kDone) add_pool_figures(server, facts);
  if (line.has("json")) {
    print_json(facts);
  } else {
    print_text(facts);
  }
  return result == status::kDone && reset ? told(reset->call(AskResetFigures{}, answers)) : result;
}

int reload_command(std::span<const std::string> arguments) {
  const CommandLine line(configuration_options(), arguments);
  line.check_operands(0, 0);
  ControlClient::Answers answers;
  answers.progress = [](const std::string& fault) { std::cerr << fault << "\n"; };
  return told(starter_of(line).call(AskReload{}, answers));
}

int restart_command(std::span<const std::string> arguments) {
  const CommandLine line(configuration_options(), arguments);
  line.check_operands(1, 1);
  const std::string& what = line.operands()[0];
  const bool all = what == "all";
  if (!all && what != "listener" && what != "pool") throw UsageError("restart what? listener, pool or all, not \"" + what + '"');
  ControlClient::Answers answers;
  answers.progress = [](const std::string& fault) { std::cerr << fault << "\n"; };
  return told(starter_of(line).call(AskRestart{all || what == "listener", all || what == "pool", all}, answers));
}

}  // namespace usher
