// A configuration's files, which byte 30 separates: what is wrong is told, and what is accepted can be relied on.
#include "base/configuration.h"
#include "base/listen_address.h"
#include "base/network.h"
#include "tests/fuzz/fuzz.h"

using namespace usher;

namespace {

constexpr char kSeparator = '\x1E';
constexpr std::size_t kMaxFiles = 8;

ConfigurationSource source_of(fuzz::Input& input) {
  ConfigurationSource source;
  source.runtime_directory = "/run/usher";
  source.state_directory = "/var/lib/usher";
  source.files.push_back({"usher.toml", std::string(input.until(kSeparator))});
  while (!input.empty() && source.files.size() < kMaxFiles) {
    source.files.push_back(
        {"programs.d/" + std::to_string(source.files.size()) + ".toml", std::string(input.until(kSeparator))});
  }
  return source;
}

void check_listener(const Configuration& configuration, const ListenerConfig& listener) {
  fuzz::demand(parse_listen_address(listener.address).has_value(), "a listener's address is one");
  const PoolConfig* pool = configuration.pool(listener.pool);
  fuzz::demand(pool != nullptr, "a listener's pool is there");
  fuzz::demand(&configuration.pools.at(configuration.pool_index(listener.pool)) == pool,
               "a pool is found at its place");
  fuzz::demand(configuration.road_of(listener.pool) == listener.dispatch, "all listeners of a pool take the same road");
  fuzz::demand(listener.program.empty() || configuration.program(listener.program) != nullptr,
               "a fixed program is there");
  for (const std::string& network : listener.proxy_networks)
    fuzz::demand(Network::parse(network).has_value(), "a proxy's network is one");
}

void check_configuration(const Configuration& configuration) {
  for (const ListenerConfig& listener : configuration.listeners) check_listener(configuration, listener);
  for (const PoolConfig& pool : configuration.pools)
    fuzz::demand(pool.initial <= pool.maximum, "a pool begins with no more workers than it may have");
  for (const ProgramConfig& program : configuration.programs)
    fuzz::demand(!program.command.empty() && program.command.front().starts_with('/'),
                 "a program has an absolute path");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const ConfigurationResult result = parse_configuration(source_of(input));
  for (const Fault& fault : result.faults) {
    fuzz::demand(!fault.message.empty(), "a fault has a message");
    fuzz::demand(fault.text().find('\n') == std::string::npos, "a fault is one line");
  }
  if (result.ok()) check_configuration(result.configuration);
  return 0;
}
