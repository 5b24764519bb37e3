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
    check_penalties();
    check_reserved();
  }

 private:
  void check_presence() {
    if (configuration_.listeners.empty()) {
      faults_.error({}, "there is no listener", "add [[listener]] with a name, an address and a pool");
    }
    const auto logs_in = [&](const ListenerConfig& listener) { return configuration_.road_of(listener.pool) != Dispatch::own; };
    const bool any_login = configuration_.listeners.empty() ||
                           std::any_of(configuration_.listeners.begin(), configuration_.listeners.end(), logs_in);
    if (configuration_.programs.empty() && any_login) {
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
    } else if (!pool->command.empty()) {
      return check_own_workers_of(listener, path, label);
    } else if (listener.dispatch != Dispatch::spawn) {
      check_refill(*pool, label);
    }
    check_road_of(listener, path, label);
  }

  // Workers of one's own take every client of the listener as they come.
  void check_own_workers_of(const ListenerConfig& listener, const std::string& path, const std::string& label) {
    if (listener.tls.on()) {
      faults_.error(places_.of(path + "/tls"),
                    label + " has tls, which the workers of its pool " + quoted(listener.pool) + " would have to speak themselves",
                    "take out tls, or use a pool without command");
    }
    if (!listener.proxy_networks.empty()) {
      faults_.error(places_.of(path + "/proxy_networks"),
                    label + " has proxy_networks, and the programs of its pool " + quoted(listener.pool) +
                        " would get a proxy's header as their clients' first bytes",
                    "take out proxy_networks, or use a pool without command");
    }
    const bool shared = listener.dispatch == Dispatch::shared;  // which is what there is
    for (const char* key : {"dispatch", "telnet", "allow_plaintext", "login_timeout", "login_tries", "refusal_time",
                            "max_logins", "max_sessions"}) {
      if (shared && key == std::string_view("dispatch")) continue;
      warn_of_idle_key(path + "/" + key, key, label + " is served by the programs of pool " + quoted(listener.pool));
    }
    if (listener.program.empty()) return;
    faults_.error(places_.of(path + "/program"),
                  label + " has a program, and the workers of its pool " + quoted(listener.pool) + " are programs themselves",
                  "take out program, or use a pool without command");
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
      warn_of_idle_key(path + "/" + key, key, label + " has login = \"none\"");
    }
  }

  // It is written down, and nothing goes by it.
  void warn_of_idle_key(const std::string& path, const std::string& key, const std::string& why) {
    if (places_.knows(path)) faults_.warning(places_.of(path), why + ", so " + key + " means nothing", "take it out");
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
    check_command_of(pool, path);
    if (!places_.good(path + "/maximum")) return;
    for (const auto& [key, value] : {std::pair("initial", pool.initial), std::pair("threshold", pool.threshold)}) {
      if (value <= pool.maximum || !places_.good(path + "/" + key)) continue;
      faults_.error(places_.of(path + "/" + key),
                    std::string(key) + " of pool " + quoted(pool.name) + " is " + std::to_string(value) +
                        ", more than its maximum of " + std::to_string(pool.maximum),
                    "write " + std::to_string(pool.maximum) + " or less, or raise maximum");
    }
  }

  void check_command_of(const PoolConfig& pool, const std::string& path) {
    if (!pool.command.empty() && pool.user.empty() && places_.good(path + "/user")) {
      faults_.error(places_.of(path + "/command"), "pool " + quoted(pool.name) + " has a command and no user",
                    "write user = and the account that it shall run under");
    }
    if (!pool.command.empty()) {
      for (const char* key : {"pam_service", "pam_directory"}) {
        warn_of_idle_key(path + "/" + key, key, "pool " + quoted(pool.name) + " has a command");
      }
    }
    if (!pool.command.empty() || !places_.good(path + "/command")) return;
    for (const auto& [key, given] : {std::pair("user", !pool.user.empty()), std::pair("max_use", pool.max_use != 0)}) {
      if (!given) continue;
      faults_.error(places_.of(path + "/" + key), std::string(key) + " of pool " + quoted(pool.name) + " needs a command",
                    "add command, or take it out");
    }
  }

  void check_penalties() {
    const LimitsConfig& limits = configuration_.limits;
    if (limits.penalty <= limits.longest_penalty || !places_.good("limits/penalty")) return;
    if (!places_.good("limits/longest_penalty")) return;
    faults_.error(places_.of("limits/penalty"), "penalty of [limits] is longer than longest_penalty", "swap them");
  }

  // Somebody who is not named has to get in, too.
  void check_reserved() {
    const ReservedConfig& reserved = configuration_.reserved;
    for (const ListenerConfig& listener : configuration_.listeners) {
      check_kept("logins", reserved.logins_kept(), "max_logins of listener " + quoted(listener.name), listener.max_logins);
      check_kept("sessions", reserved.sessions_kept(), "max_sessions of listener " + quoted(listener.name),
                 listener.max_sessions);
    }
    for (const PoolConfig& pool : configuration_.pools) {
      check_kept("workers", reserved.workers_kept(), "maximum of pool " + quoted(pool.name), pool.maximum);
    }
  }

  void check_kept(const std::string& key, std::uint32_t kept, const std::string& of, std::uint32_t all) {
    const std::string path = "reserved/" + key;
    if (kept < all || !places_.good(path)) return;
    faults_.error(places_.of(path),
                  key + " of [reserved] is " + std::to_string(kept) + ", and " + of + " is " + std::to_string(all),
                  "write less than " + std::to_string(all) + ", or raise that");
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
