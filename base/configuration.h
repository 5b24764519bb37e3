// What the configuration says, as every process sees it: plain values, checked, with defaults filled in.
//
// Shape:  names of listeners, pools and programs are 1..32 of a-z A-Z 0-9 _ . - and begin with a letter or a digit.
// Units:  durations are milliseconds, sizes are bytes; in the files they are written "30s" and "64k".
// Source: DESIGN 5.2; the table behind it (one row a key: name, member, bounds, unit, help) is configuration_table.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace usher {

struct ServerConfig {
  std::string runtime_directory;  // control socket, registry, ready queue
  std::string state_directory;    // history, job logs, libraries
  std::string user = "usher";
  std::string login_user = "usher-login";
  std::uint32_t minimum_uid = 1;
};

// `own`: to the workers of a pool with a command. No file says so: it follows from the pool.
enum class Dispatch { queue, shared, spawn, own };
enum class Login { pam, none };

// Which name in a client's certificate is the user's.
enum class CertificateUser { none, common_name, email };
// Who stands between TLS and the program: a process of Usher, or the kernel.
enum class TlsHandover { relay, kernel };

struct TlsConfig {
  std::vector<std::string> certificates;  // files, each with a chain; none: no TLS
  std::vector<std::string> keys;          // one for each certificate, in the same order
  std::string client_ca;                  // empty: clients are not asked for a certificate
  bool require_client_certificate = false;
  CertificateUser user_from = CertificateUser::none;
  bool replace_password = false;
  TlsHandover handover = TlsHandover::relay;

  bool on() const noexcept { return !certificates.empty(); }
};

struct ListenerConfig {
  std::string name;
  std::string address;  // "127.0.0.1:4000", "[::]:4000", "unix:/run/usher-generic.sock"
  std::string pool;
  Dispatch dispatch = Dispatch::queue;
  Login login = Login::pam;
  std::string user;     // whom `program` runs as without a login
  std::string program;  // empty: the client names one
  bool telnet = false;
  bool allow_plaintext = false;
  TlsConfig tls;
  std::chrono::milliseconds login_timeout{};
  std::vector<std::string> proxy_networks;
  std::uint32_t login_tries{};
  std::chrono::milliseconds refusal_time{};
  std::uint32_t max_logins{};
  std::uint32_t max_sessions{};
  std::chrono::milliseconds pending_timeout{};
  std::chrono::milliseconds keepalive{};

  bool is_public() const noexcept { return login == Login::none; }
};

struct PoolConfig {
  std::string name;
  std::vector<std::string> command;  // of workers that are somebody's own programs; empty: those that log clients in
  std::string user;                  // whose authority these have
  std::uint32_t max_use{};           // connections after which one of these ends; 0: no limit
  std::uint32_t initial{};
  std::uint32_t threshold{};
  std::uint32_t additional{};
  std::uint32_t maximum{};
  bool wait = true;
  std::chrono::milliseconds idle_time{};
  std::string pam_service;
  std::string pam_directory;  // empty: where libpam looks by itself
};

enum class StderrTo { log, client };

// 0 in any of them: whatever the session has.
struct ResourceLimits {
  std::uint64_t open_files{};
  std::uint64_t processes{};
  std::uint64_t memory_bytes{};
  std::chrono::milliseconds cpu{};
  std::uint64_t file_size_bytes{};
};

struct ProgramConfig {
  std::string name;
  std::string description;
  std::vector<std::string> command;  // absolute path, then arguments; at least the path
  bool arguments = false;
  std::vector<std::string> users;  // "*" is everybody
  std::vector<std::string> groups;
  std::vector<std::string> deny_users;
  std::vector<std::string> deny_groups;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string working_directory;  // "~" or "~/..." is the user's home; else absolute
  StderrTo stderr_to = StderrTo::log;
  std::uint32_t max_sessions{};           // 0: no limit
  std::uint32_t max_sessions_per_user{};  // 0: no limit
  std::chrono::milliseconds timeout{};    // 0: none
  int nice{};
  ResourceLimits limits;
};

// Limits on clients before they have logged in. 0 in a number: no limit.
struct LimitsConfig {
  std::uint32_t ipv4_prefix{};  // bits: which addresses count as one network
  std::uint32_t ipv6_prefix{};
  std::vector<std::string> exempt_networks;
  std::uint32_t connections_per_address{};
  std::uint32_t connections_per_network{};
  std::uint32_t rate_per_address{};  // new connections a minute
  std::uint32_t rate_per_network{};
  std::uint32_t failures_per_address{};  // failed logins without a penalty
  std::uint32_t failures_per_network{};
  std::uint32_t failures_per_account{};
  std::chrono::milliseconds failure_memory{};
  std::chrono::milliseconds penalty{};
  std::chrono::milliseconds longest_penalty{};
  std::chrono::milliseconds known_address_memory{};
};

// Places that others leave free, for clients from these networks and for these users.
struct ReservedConfig {
  std::vector<std::string> networks;
  std::vector<std::string> users;
  std::vector<std::string> groups;
  std::uint32_t logins{};    // of each listener's max_logins
  std::uint32_t workers{};   // of each pool's maximum
  std::uint32_t sessions{};  // of each listener's max_sessions

  // What others must leave free: nothing while nobody is named.
  std::uint32_t logins_kept() const { return networks.empty() ? 0 : logins; }
  std::uint32_t workers_kept() const { return networks.empty() ? 0 : workers; }
  std::uint32_t sessions_kept() const { return networks.empty() && users.empty() && groups.empty() ? 0 : sessions; }
};

struct Configuration {
  ServerConfig server;
  LimitsConfig limits;
  ReservedConfig reserved;
  std::vector<ListenerConfig> listeners;  // in the order of the files
  std::vector<PoolConfig> pools;          // sorted by name
  std::vector<ProgramConfig> programs;    // sorted by name

  const PoolConfig* pool(std::string_view name) const;
  const ProgramConfig* program(std::string_view name) const;
  // The place of a pool in `pools`; it must be there (the check of the configuration saw to it).
  std::uint16_t pool_index(std::string_view name) const;
  // The one road of all listeners of a pool.
  Dispatch road_of(std::string_view pool) const;
};

// The bytes a configuration was read from: usher.toml, then programs.d/*.toml in the order of their names; and what its
// reader knew that other processes, under other accounts, do not.
struct ConfigurationSource {
  struct File {
    std::string path;
    std::string text;
  };
  std::vector<File> files;
  // In force where [server] does not give them; empty: those of root. They depend on who reads the files.
  std::string runtime_directory;
  std::string state_directory;
  bool complete = true;  // false: a file could not be read, and what seems to be missing may stand there
};

enum class Severity { error, warning };

// One thing wrong with a configuration. `usher check` prints "FILE:LINE:COLUMN: error: MESSAGE; REMEDY".
// Shape:  line and column count from 1; 0 where the fault has no place (a missing table): then only the file is printed.
struct Fault {
  Severity severity = Severity::error;
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;
  std::string remedy;

  std::string text() const;
};

struct ConfigurationResult {
  Configuration configuration;  // meaningful when ok()
  std::vector<Fault> faults;    // all of them, in the order of the files, errors and warnings

  bool ok() const;  // no error among the faults
};

// The files, read whole. Files must be owned by root or by the caller and not be writable by others: anything else, and a
// file that cannot be read, becomes a fault of the result of parse_configuration when passed on through `faults`.
ConfigurationSource read_configuration_files(const std::string& path, std::vector<Fault>& faults);

// Reads the bytes; touches no file. Everything that the bytes alone can tell: syntax, unknown keys, types, ranges,
// references between listeners, pools and programs, doubled addresses.
ConfigurationResult parse_configuration(const ConfigurationSource& source);

// What only the machine can tell, for `usher check` and before a start: accounts, groups, programs that can be executed,
// the PAM service, working directories, addresses of this machine. Adds faults with the place of the key they are about.
void check_against_machine(const ConfigurationSource& source, ConfigurationResult& result);

// One generation of the configuration, sealed in memory: all processes parse these very bytes.
// Errors: std::system_error; Error(protocol) when the bytes are not what seal_configuration made.
class UniqueFd;
UniqueFd seal_configuration(const ConfigurationSource& source);
ConfigurationSource unseal_configuration(int fd);
// What the starter has found good and sealed. Errors: as unseal_configuration(); Error(configuration) for one with faults.
Configuration sealed_configuration(int fd);

}  // namespace usher
