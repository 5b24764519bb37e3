#include "base/configuration.h"

#include <algorithm>

#include "base/text.h"
#include "usher/error.h"

namespace usher {
namespace {

// In a list sorted by name; its end when none has the name.
template <class Section>
auto find_named(const std::vector<Section>& sections, std::string_view name) {
  const auto found =
      std::lower_bound(sections.begin(), sections.end(), name,
                       [](const Section& section, std::string_view wanted) { return section.name < wanted; });
  return found != sections.end() && found->name == name ? found : sections.end();
}

}  // namespace

const PoolConfig* Configuration::pool(std::string_view name) const {
  const auto found = find_named(pools, name);
  return found == pools.end() ? nullptr : &*found;
}

const ProgramConfig* Configuration::program(std::string_view name) const {
  const auto found = find_named(programs, name);
  return found == programs.end() ? nullptr : &*found;
}

Dispatch Configuration::road_of(std::string_view pool) const {
  const PoolConfig* config = this->pool(pool);
  if (config != nullptr && !config->command.empty()) return Dispatch::own;
  const auto listener = std::find_if(listeners.begin(), listeners.end(), [&](const auto& other) { return other.pool == pool && !other.is_public(); });
  return listener == listeners.end() ? Dispatch::queue : listener->dispatch;
}

std::uint16_t Configuration::pool_index(std::string_view name) const {
  const auto found = find_named(pools, name);
  if (found == pools.end()) throw Error(ErrorCode::configuration, "there is no pool \"" + printable(name) + '"');
  return static_cast<std::uint16_t>(found - pools.begin());
}

std::string Fault::text() const {
  std::string place = printable(file);
  if (line != 0) place += ":" + std::to_string(line) + ":" + std::to_string(column);
  return place + (severity == Severity::error ? ": error: " : ": warning: ") + message + "; " + remedy;
}

bool ConfigurationResult::ok() const {
  return std::none_of(faults.begin(), faults.end(),
                      [](const Fault& fault) { return fault.severity == Severity::error; });
}

}  // namespace usher
