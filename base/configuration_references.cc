#include <algorithm>
#include <optional>

#include "base/configuration_parse.h"
#include "base/listen_address.h"

namespace usher {
namespace {

class References {
 public:
  References(const Configuration& configuration, const Places& places, bool complete, FaultList& faults)
      : configuration_(configuration), places_(places), complete_(complete), faults_(faults) {
    addresses_.reserve(configuration_.listeners.size());
    for (const ListenerConfig& listener : configuration_.listeners) {
      addresses_.push_back(parse_listen_address(listener.address));
    }
  }

  void check() {
    if (complete_) check_presence();
    for (std::size_t i = 0; i < configuration_.listeners.size(); ++i) check_listener(i);
    for (const PoolConfig& pool : configuration_.pools) check_pool(pool);
    for (const ProgramConfig& program : configuration_.programs) check_access(program);
  }

 private:
  void check_presence() {
    if (configuration_.listeners.empty()) {
      faults_.error({}, "there is no listener", "add [[listener]] with a name, an address and a pool");
    }
    if (configuration_.programs.empty()) {
      faults_.warning({}, "there is no program, so nothing can be done after a login",
                      "add [program.NAME] with a command, in a file of programs.d");
    }
  }

  void check_listener(std::size_t index) {
    const ListenerConfig& listener = configuration_.listeners[index];
    const std::string path = path_of(index);
    const std::string label = listener_label(listener.name, index);
    listener.is_public() ? check_public(listener, path, label) : check_pool_of(listener, path, label);
    check_program_of(listener, path, label);
    check_name(index);
    check_address(index);
    check_tls(listener.tls, path + "/tls", label, places_, faults_);
  }

  void check_pool_of(const ListenerConfig& listener, const std::string& path, const std::string& label) {
    if (!complete_ || listener.pool.empty()) return;
    const PoolConfig* pool = configuration_.pool(listener.pool);
    if (pool == nullptr) {
      faults_.error(places_.of(path + "/pool"), label + " uses pool " + quoted(listener.pool) + ", which is not there",
                    "add [pool." + listener.pool + "]" + others(configuration_.pools));
    } else if (listener.dispatch != Dispatch::spawn) {
      check_refill(*pool, label);
    }
    check_road_of(listener, path, label);
  }

  // Nobody asks who its clients are, so what belongs to a login would be believed to hold and does not.
  void check_public(const ListenerConfig& listener, const std::string& path, const std::string& label) {
    const auto refuse = [&](const char* key, const std::string& what, const std::string& remedy) {
      faults_.error(places_.of(path + "/" + key), label + " has login = \"none\" and " + what, remedy);
    };
    if (!listener.proxy_networks.empty()) {
      refuse("proxy_networks", "proxy_networks: a header would be the program's first bytes", "take proxy_networks out");
    }
    for (const char* key : {"program", "user"}) {
      const std::string& value = key == std::string_view("user") ? listener.user : listener.program;
      if (value.empty() && places_.knows(path + "/" + key) && places_.good(path + "/" + key)) {
        refuse(key, "an empty " + std::string(key), "name one");
      }
    }
    for (const char* key : {"pool", "dispatch", "telnet", "allow_plaintext", "login_timeout", "login_tries", "refusal_time",
                            "max_logins", "pending_timeout"}) {
      if (!places_.knows(path + "/" + key)) continue;
      faults_.warning(places_.of(path + "/" + key), label + " has login = \"none\", so " + key + " means nothing",
                      "take it out");
    }
  }

  bool is_public(const ProgramConfig& program) const {
    return std::any_of(configuration_.listeners.begin(), configuration_.listeners.end(),
                       [&](const ListenerConfig& other) { return other.is_public() && other.program == program.name; });
  }

  // A worker waits in one way, so all listeners of its pool have to reach it in that way.
  void check_road_of(const ListenerConfig& listener, const std::string& path, const std::string& label) {
    if (configuration_.road_of(listener.pool) == listener.dispatch || !places_.good(path + "/dispatch")) return;
    faults_.error(places_.of(path + "/dispatch"),
                  label + " has another dispatch than the first listener of pool " + quoted(listener.pool),
                  "give them the same dispatch, or pools of their own");
  }

  // A worker serves one connection: without refilling a pool runs dry.
  void check_refill(const PoolConfig& pool, const std::string& label) {
    for (const auto& [key, value] :
         {std::pair("threshold", pool.threshold), std::pair("additional", pool.additional)}) {
      const std::string path = "pool/" + pool.name + "/" + key;
      if (value != 0 || !places_.good(path)) continue;
      faults_.warning(places_.of(path),
                      std::string(key) + " of pool " + quoted(pool.name) + " is 0, so " + label +
                          " gets no worker after the first " + std::to_string(pool.initial),
                      "write 1 or more");
    }
  }

  void check_program_of(const ListenerConfig& listener, const std::string& path, const std::string& label) {
    if (!complete_ || listener.program.empty() || configuration_.program(listener.program) != nullptr) return;
    faults_.error(places_.of(path + "/program"),
                  label + " uses program " + quoted(listener.program) + ", which is not there",
                  "add [program." + listener.program + "]" + others(configuration_.programs));
  }

  template <class Section>
  static std::string others(const std::vector<Section>& sections) {
    constexpr std::size_t kMaxShown = 10;
    if (sections.empty() || sections.size() > kMaxShown) return {};
    std::string names;
    for (const Section& section : sections) names += (names.empty() ? "" : ", ") + section.name;
    return ", or write one of " + names;
  }

  // Of several that are in the way the first is told.
  void check_name(std::size_t index) {
    const std::string& name = configuration_.listeners[index].name;
    for (std::size_t i = 0; i < index && !name.empty(); ++i) {
      if (configuration_.listeners[i].name != name) continue;
      faults_.error(
          places_.of(path_of(index) + "/name"),
          "listener " + quoted(name) + " is there twice, first at " + faults_.name_of(places_.of(path_of(i) + "/name")),
          "give one of them another name");
      return;
    }
  }

  void check_address(std::size_t index) {
    const auto clashes = [&](const std::optional<ListenAddress>& other) {
      return other && addresses_[index] && addresses_[index]->clashes_with(*other);
    };
    const auto here = addresses_.begin() + static_cast<std::ptrdiff_t>(index);
    const auto found = std::find_if(addresses_.begin(), here, clashes);
    if (found == here) return;
    const auto first = static_cast<std::size_t>(found - addresses_.begin());
    const ListenerConfig& one = configuration_.listeners[first];
    const ListenerConfig& other = configuration_.listeners[index];
    faults_.error(places_.of(path_of(index) + "/address"),
                  listener_label(other.name, index) + " listens on " + quoted(other.address) + ", which clashes with " +
                      quoted(one.address) + " of " + listener_label(one.name, first) + " at " +
                      faults_.name_of(places_.of(path_of(first) + "/address")),
                  "give one of them another address or port");
  }

  static std::string path_of(std::size_t listener) { return "listener/" + std::to_string(listener); }

  void check_pool(const PoolConfig& pool) {
    const std::string path = "pool/" + pool.name;
    if (!places_.good(path + "/maximum")) return;
    for (const auto& [key, value] : {std::pair("initial", pool.initial), std::pair("threshold", pool.threshold)}) {
      if (value <= pool.maximum || !places_.good(path + "/" + key)) continue;
      faults_.error(places_.of(path + "/" + key),
                    std::string(key) + " of pool " + quoted(pool.name) + " is " + std::to_string(value) +
                        ", more than its maximum of " + std::to_string(pool.maximum),
                    "write " + std::to_string(pool.maximum) + " or less, or raise maximum");
    }
  }

  void check_access(const ProgramConfig& program) {
    const std::string path = "program/" + program.name;
    if (!program.users.empty() || !program.groups.empty() || is_public(program)) return;
    if (!places_.good(path + "/users") || !places_.good(path + "/groups")) return;
    faults_.warning(places_.of(path),
                    "program " + quoted(program.name) +
                        " names no users and no groups, so nobody may "
                        "run it",
                    "add users = [\"*\"] for everybody, or names");
  }

  const Configuration& configuration_;
  const Places& places_;
  bool complete_;
  FaultList& faults_;
  std::vector<std::optional<ListenAddress>> addresses_;  // of the listeners; empty where one was refused
};

}  // namespace

void check_references(const Configuration& configuration, const Places& places, bool complete, FaultList& faults) {
  References(configuration, places, complete, faults).check();
}

}  // namespace usher
