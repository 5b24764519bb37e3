// Every key of the configuration, one row each. The parser, its faults, the shipped sample and the manual are made from
// these rows; a member without a row does not compile.
//
// Model:  a section is one struct of configuration.h; its rows stand in one tuple. A row: name in the file, member,
// kind with
//         bounds, what is in force without the key (as it would be written), help sentence.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "base/configuration.h"
#include "base/configuration_kinds.h"

namespace usher::table {

struct Preset {
  std::string_view text;  // the default, or for a required key an example; as written in a file
  bool required;
  bool always = true;  // false: required of some sections of its kind, which their reader knows
};
constexpr Preset preset(std::string_view text) {
  return {text, false};
}
constexpr Preset required(std::string_view example) {
  return {example, true};
}
constexpr Preset mostly_required(std::string_view example) {
  return {example, true, false};
}

template <class Section, class Value, class Kind>
struct Key {
  std::string_view name;
  Value Section::*member;
  Kind kind;
  Preset preset;
  std::string_view help;
};
template <class Section, class Value, class Kind>
Key(std::string_view, Value Section::*, Kind, Preset, std::string_view) -> Key<Section, Value, Kind>;

// How many members an aggregate has.
struct Anything {
  template <class T>
  operator T() const;  // never defined: only asked whether it would convert
};
template <class Section, class... Filled>
consteval std::size_t member_count() {
  if constexpr (requires { Section{Filled{}..., Anything{}}; }) {
    return member_count<Section, Filled..., Anything>();
  } else {
    return sizeof...(Filled);
  }
}

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::int64_t kMostJobs = 100'000;

inline constexpr std::tuple kServerKeys{
    Key{"runtime_directory", &ServerConfig::runtime_directory, Words{kRuntimeDirectory}, preset("\"/run/usher\""),
        "Registry, ready queue and sockets. Without root the default is $XDG_RUNTIME_DIR/usher, else "
        "/run/user/UID/usher, else /tmp/usher-UID."},
    Key{"state_directory", &ServerConfig::state_directory, Words{kDirectory}, preset("\"/var/lib/usher\""),
        "History, job logs and libraries of data queues. Without root the default is $XDG_STATE_HOME/usher, else "
        "~/.local/state/usher."},
    Key{"user", &ServerConfig::user, Words{kAccount}, preset("\"usher\""),
        "The account under which listener and pool run. Not used without root."},
    Key{"login_user", &ServerConfig::login_user, Words{kAccount}, preset("\"usher-login\""),
        "The account under which the dialog with a client runs before its login. Not used without root."},
    Key{"minimum_uid", &ServerConfig::minimum_uid, Number{0, 4'294'967'294}, preset("1"),
        "Users with a lower uid may not log in; they are refused like a wrong password."},
};

inline constexpr Duration kPenalty{seconds(1), hours(24)};

inline constexpr std::tuple kClientLimitKeys{
    Key{"ipv4_prefix", &LimitsConfig::ipv4_prefix, Number{8, 32}, preset("24"),
        "Addresses that agree in so many bits are one network in the limits below."},
    Key{"ipv6_prefix", &LimitsConfig::ipv6_prefix, Number{16, 128}, preset("64"), "The same for IPv6."},
    Key{"exempt_networks", &LimitsConfig::exempt_networks, WordList{kNetwork, 0, 1000},
        preset("[\"127.0.0.0/8\", \"::1\", \"unix\"]"),
        "Clients from there are not limited, nor counted. An address behind which strangers stand does not belong here."},
    Key{"connections_per_address", &LimitsConfig::connections_per_address, Number{0, kMostJobs}, preset("250"),
        "Connections at one time from one address, sessions among them; 0: no limit."},
    Key{"connections_per_network", &LimitsConfig::connections_per_network, Number{0, kMostJobs}, preset("500"),
        "The same from one network."},
    Key{"rate_per_address", &LimitsConfig::rate_per_address, Number{0, 1'000'000}, preset("300"),
        "New connections a minute from one address; 0: no limit."},
    Key{"rate_per_network", &LimitsConfig::rate_per_network, Number{0, 1'000'000}, preset("1000"),
        "The same from one network."},
    Key{"failures_per_address", &LimitsConfig::failures_per_address, Number{0, 1'000'000}, preset("10"),
        "Failed logins from one address that bring no penalty; 0: none ever does."},
    Key{"failures_per_network", &LimitsConfig::failures_per_network, Number{0, 1'000'000}, preset("50"),
        "The same from one network."},
    Key{"failures_per_account", &LimitsConfig::failures_per_account, Number{0, 1'000'000}, preset("10"),
        "Failed logins as one user that bring no penalty; the penalty is for addresses from which that user has not logged "
        "in lately."},
    Key{"failure_memory", &LimitsConfig::failure_memory, Duration{seconds(1), hours(24 * 30)}, preset("\"5m\""),
        "So long it takes until one failed login is forgotten; the next one takes as long again."},
    Key{"penalty", &LimitsConfig::penalty, kPenalty, preset("\"10s\""),
        "How long logins are refused after the first failure too many; each further one doubles it."},
    Key{"longest_penalty", &LimitsConfig::longest_penalty, kPenalty, preset("\"1h\""), "It grows no longer than this."},
    Key{"known_address_memory", &LimitsConfig::known_address_memory, Duration{seconds(1), hours(24 * 365)},
        preset("\"30d\""), "How long an address is known as one that a user has logged in from."},
};

inline constexpr std::tuple kReservedKeys{
    Key{"networks", &ReservedConfig::networks, WordList{kNetwork, 0, 100}, preset("[]"),
        "Where administrators connect from: no limit of [limits] is for them, and they are evicted for nobody else."},
    Key{"users", &ReservedConfig::users, WordList{kAccount, 0, 100}, preset("[]"),
        "Administrators, whose sessions have the reserved places from wherever they come."},
    Key{"groups", &ReservedConfig::groups, WordList{kGroup, 0, 100}, preset("[]"), "Groups of such users."},
    Key{"logins", &ReservedConfig::logins, Number{0, kMostJobs}, preset("2"),
        "So many places of each listener's max_logins others leave free, when networks are named."},
    Key{"workers", &ReservedConfig::workers, Number{0, kMostJobs}, preset("2"),
        "So many workers of each pool's maximum others leave free, when networks are named."},
    Key{"sessions", &ReservedConfig::sessions, Number{0, kMostJobs}, preset("2"),
        "So many places of each listener's max_sessions others leave free, when networks, users or groups are named."},
};

inline constexpr std::tuple kTlsKeys{
    Key{"certificate", &TlsConfig::certificates, Files{20}, required("\"/etc/usher/tls/server.crt\""),
        "A file (PEM) with the server's certificate and the chain below it, or a list of such files: then the name that the "
        "client asks for chooses, and the first is for all others."},
    Key{"key", &TlsConfig::keys, Files{20}, required("\"/etc/usher/tls/server.key\""),
        "The file with the certificate's private key, not encrypted, or a list of as many as there are certificates."},
    Key{"client_ca", &TlsConfig::client_ca, Words{kOptionalFile}, preset("\"\""),
        "Set: clients are asked for a certificate, which one of those in this file (PEM) must have signed."},
    Key{"require_client_certificate", &TlsConfig::require_client_certificate, Flag{}, preset("false"),
        "Without a certificate a client is turned away in the handshake."},
    Key{"user_from", &TlsConfig::user_from,
        Choice{std::array{Word<CertificateUser>{"", CertificateUser::none},
                          Word<CertificateUser>{"common_name", CertificateUser::common_name},
                          Word<CertificateUser>{"email", CertificateUser::email}}},
        preset("\"\""),
        "What in the client's certificate names the user, who is then not asked for it: the common name, or what stands before "
        "the @ of the address."},
    Key{"replace_password", &TlsConfig::replace_password, Flag{}, preset("false"),
        "The certificate that names the user is the login: no password is asked. usher-worker(8) says what that trusts."},
    Key{"handover", &TlsConfig::handover,
        Choice{std::array{Word<TlsHandover>{"relay", TlsHandover::relay}, Word<TlsHandover>{"kernel", TlsHandover::kernel}}},
        preset("\"relay\""),
        "Who encrypts after the login: a process of Usher between client and program, or the kernel, where it can; usher-worker(8) "
        "says what a program then does not see."},
};

inline constexpr std::tuple kListenerKeys{
    Key{"name", &ListenerConfig::name, Words{kServiceName}, required("\"generic\""),
        "What the listener is called in logs and in `usher jobs`."},
    Key{"address", &ListenerConfig::address, Words{kAddress}, required("\"127.0.0.1:4000\""),
        "Where it listens: \"127.0.0.1:4000\", \"[::]:4000\" (IPv6 only) or \"unix:/run/usher-generic.sock\"."},
    Key{"pool", &ListenerConfig::pool, Words{kServiceName}, mostly_required("\"generic\""),
        "The pool whose workers serve it. Not used with login = \"none\"."},
    Key{"dispatch", &ListenerConfig::dispatch,
        Choice{std::array{Word<Dispatch>{"queue", Dispatch::queue}, Word<Dispatch>{"shared", Dispatch::shared},
                          Word<Dispatch>{"spawn", Dispatch::spawn}}},
        preset("\"queue\""),
        "How a connection reaches a worker: through the queue of ready workers, through one channel that all idle "
        "workers share, or into a worker started for it."},
    Key{"login", &ListenerConfig::login,
        Choice{std::array{Word<Login>{"pam", Login::pam}, Word<Login>{"none", Login::none}}}, preset("\"pam\""),
        "Who may come in: who logs in by PAM, or everybody: a public program, started for each connection without a login "
        "as inetd does. Then `program` and `user` must be given, and max_sessions and keepalive are what counts besides."},
    Key{"user", &ListenerConfig::user, Words{kOptionalAccount}, preset("\"\""),
        "With login = \"none\": the account that the program runs as; not root, nor an account of Usher's own."},
    Key{"program", &ListenerConfig::program, Words{kOptionalName}, preset("\"\""),
        "Set: always this program, with no 102 prompt and raw bytes after the login."},
    Key{"telnet", &ListenerConfig::telnet, Flag{}, preset("false"),
        "Hide the typing of a password from telnet clients (IAC WILL ECHO)."},
    Key{"allow_plaintext", &ListenerConfig::allow_plaintext, Flag{}, preset("false"),
        "Take passwords without TLS from beyond loopback."},
    Key{"tls", &ListenerConfig::tls, Group{kTlsKeys}, preset("{}"),
        "Best as a table [listener.tls] below the listener: the connection is TLS from its first byte."},
    Key{"login_timeout", &ListenerConfig::login_timeout, Duration{seconds(1), hours(1)}, preset("\"60s\""),
        "From accepting a connection until a program is chosen."},
    Key{"proxy_networks", &ListenerConfig::proxy_networks, WordList{kNetwork, 0, 100}, preset("[]"),
        "Where proxies connect from that say for whom, by the PROXY protocol (version 1 or 2): a header is demanded of them."},
    Key{"login_tries", &ListenerConfig::login_tries, Number{1, 20}, preset("3"),
        "Wrong logins on one connection before it is closed."},
    Key{"refusal_time", &ListenerConfig::refusal_time, Duration{milliseconds(1), seconds(60)}, preset("\"2s\""),
        "A refused login is told this long after the secret came, or at the multiple of it that the slowest check of late needed."},
    Key{"max_logins", &ListenerConfig::max_logins, Number{1, kMostJobs}, preset("100"),
        "Connections at one time that have not logged in yet."},
    Key{"max_sessions", &ListenerConfig::max_sessions, Number{1, kMostJobs}, preset("400"),
        "Sessions at one time that came through this listener."},
    Key{"pending_timeout", &ListenerConfig::pending_timeout, Duration{seconds(0), hours(1)}, preset("\"10s\""),
        "How long a client waits for a worker before it is told 910."},
    Key{"keepalive", &ListenerConfig::keepalive, Duration{seconds(1), hours(9)}, preset("\"60s\""),
        "Idle time before a connection is probed; four probes follow, a quarter of it apart."},
};

// The meaning of the settings of a prestart job entry (IBM i, ADDPJE), then PAM.
inline constexpr std::tuple kPoolKeys{
    Key{"command", &PoolConfig::command, CommandLine{256, Presence::optional}, preset("[]"),
        "Set: the pool's workers are this program (absolute path and arguments), started as `user`, which takes connection "
        "after connection by way of libusher. There is no login, a client that cannot be served is just closed, its listener's "
        "`dispatch` is always \"shared\", and the PAM keys mean nothing."},
    Key{"user", &PoolConfig::user, Words{kOptionalAccount}, preset("\"\""), "With `command`: the account it runs under."},
    Key{"max_use", &PoolConfig::max_use, Number{0, 1'000'000'000}, preset("0"),
        "With `command`: connections after which a worker makes room for a fresh one; 0: no limit."},
    Key{"initial", &PoolConfig::initial, Number{0, kMostJobs}, preset("3"), "Workers made ready at the start."},
    Key{"threshold", &PoolConfig::threshold, Number{0, kMostJobs}, preset("2"),
        "More workers are started when fewer than this are ready."},
    Key{"additional", &PoolConfig::additional, Number{0, kMostJobs}, preset("2"),
        "How many are then started at a time."},
    Key{"maximum", &PoolConfig::maximum, Number{1, kMostJobs}, preset("500"),
        "Workers at one time, ready and serving together."},
    Key{"wait", &PoolConfig::wait, Flag{}, preset("true"),
        "A client may wait for a worker (the listener's pending_timeout); false: it is told 910 at once, or within a "
        "second while the pool starts. With `command`: closed when no worker has taken it within 100 ms."},
    Key{"idle_time", &PoolConfig::idle_time, Duration{std::chrono::milliseconds(100), hours(24)}, preset("\"60s\""),
        "Workers that nobody needed for so long end, but for as many as initial and threshold keep."},
    Key{"pam_service", &PoolConfig::pam_service, Words{kPamService}, preset("\"usher\""),
        "The PAM service that decides who may log in."},
    Key{"pam_directory", &PoolConfig::pam_directory, Words{kOptionalDirectory}, preset("\"\""),
        "Set: the service is read from this directory instead of /etc/pam.d."},
};

inline constexpr std::tuple kLimitKeys{
    Key{"open_files", &ResourceLimits::open_files, Number{0, 1'048'576}, preset("1024"),
        "Open descriptors of a process (RLIMIT_NOFILE)."},
    Key{"processes", &ResourceLimits::processes, Number{0, 4'194'304}, preset("100"),
        "Processes and threads of the user (RLIMIT_NPROC)."},
    Key{"memory", &ResourceLimits::memory_bytes, Size{0, std::uint64_t{1} << 50U}, preset("\"512M\""),
        "Address space of a process (RLIMIT_AS)."},
    Key{"cpu", &ResourceLimits::cpu, Duration{seconds(0), hours(24 * 365)}, preset("\"0s\""),
        "Processor time of a process, in whole seconds, rounded up (RLIMIT_CPU)."},
    Key{"file_size", &ResourceLimits::file_size_bytes, Size{0, std::uint64_t{1} << 50U}, preset("\"0\""),
        "Size of a file that a process writes (RLIMIT_FSIZE)."},
};

inline constexpr std::tuple kProgramKeys{
    Key{"description", &ProgramConfig::description, Words{kLine}, preset("\"\""),
        "One line that users read in the list of programs."},
    Key{"command", &ProgramConfig::command, CommandLine{256}, required("[\"/bin/cat\"]"),
        "Absolute path and arguments; never a shell."},
    Key{"arguments", &ProgramConfig::arguments, Flag{}, preset("false"),
        "The client may add arguments (split at blanks, no quoting)."},
    Key{"users", &ProgramConfig::users, WordList{kAccountOrAll, 0, 1000}, preset("[]"),
        "Who may run it; \"*\" is everybody. With neither users nor groups nobody may."},
    Key{"groups", &ProgramConfig::groups, WordList{kGroup, 0, 1000}, preset("[]"), "Groups whose members may run it."},
    Key{"deny_users", &ProgramConfig::deny_users, WordList{kAccount, 0, 1000}, preset("[]"),
        "Who may not, whatever users and groups say."},
    Key{"deny_groups", &ProgramConfig::deny_groups, WordList{kGroup, 0, 1000}, preset("[]"),
        "Groups whose members may not, whatever users and groups say."},
    Key{"environment", &ProgramConfig::environment, Variables{64}, preset("{ LANG = \"C.UTF-8\" }"),
        "Variables it gets besides those that Usher and PAM set."},
    Key{"working_directory", &ProgramConfig::working_directory, Words{kHomeOrDirectory}, preset("\"~\""),
        "Where it starts; ~ is the user's home."},
    Key{"stderr", &ProgramConfig::stderr_to,
        Choice{std::array{Word<StderrTo>{"log", StderrTo::log}, Word<StderrTo>{"client", StderrTo::client}}},
        preset("\"log\""), "Where its standard error goes: into the job log, or to the client."},
    Key{"max_sessions", &ProgramConfig::max_sessions, Number{0, kMostJobs}, preset("0"),
        "Sessions of it at one time; 0: no limit."},
    Key{"max_sessions_per_user", &ProgramConfig::max_sessions_per_user, Number{0, kMostJobs}, preset("0"),
        "Sessions of it at one time of one user; 0: no limit."},
    Key{"timeout", &ProgramConfig::timeout, Duration{seconds(0), hours(24 * 365)}, preset("\"0s\""),
        "It is ended after this time; 0s: never."},
    Key{"nice", &ProgramConfig::nice, Number{-20, 19}, preset("0"), "Its scheduling priority, as for nice(1)."},
    Key{"limits", &ProgramConfig::limits, Group{kLimitKeys}, preset("{}"),
        "Resource limits; 0 in any of them: whatever the session has."},
};

template <class Keys>
inline constexpr std::size_t kRows = std::tuple_size_v<std::remove_cvref_t<Keys>>;

// The name of a pool or program is no key: it stands in the heading of its table.
static_assert(member_count<ServerConfig>() == kRows<decltype(kServerKeys)>);
static_assert(member_count<LimitsConfig>() == kRows<decltype(kClientLimitKeys)>);
static_assert(member_count<ReservedConfig>() == kRows<decltype(kReservedKeys)>);
static_assert(member_count<TlsConfig>() == kRows<decltype(kTlsKeys)>);
static_assert(member_count<ListenerConfig>() == kRows<decltype(kListenerKeys)>);
static_assert(member_count<PoolConfig>() == kRows<decltype(kPoolKeys)> + 1);
static_assert(member_count<ProgramConfig>() == kRows<decltype(kProgramKeys)> + 1);
static_assert(member_count<ResourceLimits>() == kRows<decltype(kLimitKeys)>);

// One section of the files. `heading` as written, `repeats` when there can be several.
struct Section {
  std::string_view name;
  std::string_view heading;
  std::string_view help;
};
inline constexpr Section kServer{"server", "[server]", "The installation as a whole."};
inline constexpr Section kClientLimits{"limits", "[limits]",
                                       "How much one address, network or account may ask for before a login. Whoever asks for "
                                       "more hears 911; the limits give way by themselves (usher limits)."};
inline constexpr Section kReserved{"reserved", "[reserved]", "Places kept free, so that administrators always get in."};
inline constexpr Section kListener{"listener", "[[listener]]", "A place where clients connect; any number of them."};
inline constexpr Section kTls{"tls", "[listener.tls]", "Within [[listener]]."};
inline constexpr Section kPool{"pool", "[pool.NAME]", "Workers kept ready for clients."};
inline constexpr Section kProgram{"program", "[program.NAME]",
                                  "What clients may ask for; best in a file of its own in programs.d/."};
inline constexpr Section kLimits{"limits", "limits = { ... }", "Within [program.NAME]."};

// Calls `visit(section, keys)` for each.
template <class Visit>
void for_each_section(Visit visit) {
  visit(kServer, kServerKeys);
  visit(kClientLimits, kClientLimitKeys);
  visit(kReserved, kReservedKeys);
  visit(kListener, kListenerKeys);
  visit(kTls, kTlsKeys);
  visit(kPool, kPoolKeys);
  visit(kProgram, kProgramKeys);
  visit(kLimits, kLimitKeys);
}

template <class Keys, class Visit>
void for_each_key(const Keys& keys, Visit visit) {
  std::apply([&](const auto&... key) { (visit(key), ...); }, keys);
}

}  // namespace usher::table
