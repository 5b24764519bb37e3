#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "base/configuration_parse.h"
#include "base/listen_address.h"
#include "base/unique_fd.h"

namespace usher {
namespace {

constexpr const char* kSystemPamDirectory = "/etc/pam.d";
constexpr mode_t kOthersMayWrite = S_IWGRP | S_IWOTH;
constexpr mode_t kAnybodyMayExecute = S_IXUSR | S_IXGRP | S_IXOTH;

std::string reason(int error_number) {
  return std::generic_category().message(error_number);
}

// Empty when the path leads nowhere; errno then says why.
std::optional<struct stat> status_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return status;
}

// What bind(2) says: 0 or its error. That a port is in use says nothing about the configuration (Usher may be running),
// so only a port that may need a privilege is asked for, and any other stands for the rest.
int try_bind(const ListenAddress& address) {
  constexpr std::uint16_t kFirstFreePort = 1024;
  const ListenAddress tried = address.port < kFirstFreePort ? address : address.with_port(0);
  const int family = tried.storage.ss_family;
  const UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  const int only = 1;
  if (family == AF_INET6 && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) return errno;
  return ::bind(fd.get(), tried.address(), tried.length) == 0 || errno == EADDRINUSE ? 0 : errno;
}

// Asks as a start would: for root the kernel looks for the module. A socket that is connected to nothing is told apart last.
bool kernel_has_tls() {
  constexpr int kUpperLayer = 31;  // TCP_ULP
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return fd && ::setsockopt(fd.get(), IPPROTO_TCP, kUpperLayer, "tls", 3) != 0 && errno == ENOTCONN;
}

class MachineCheck {
 public:
  MachineCheck(const Configuration& configuration, const Places& places, FaultList& faults)
      : configuration_(configuration), places_(places), faults_(faults) {}

  void check() {
    if (geteuid() == 0) check_service_accounts();
    check_directory("server/runtime_directory", configuration_.server.runtime_directory);
    check_directory("server/state_directory", configuration_.server.state_directory);
    check_names("reserved/users", configuration_.reserved.users, is_user, "a user");
    check_names("reserved/groups", configuration_.reserved.groups, is_group, "a group");
    for (std::size_t i = 0; i < configuration_.listeners.size(); ++i) check_listener(i);
    for (const PoolConfig& pool : configuration_.pools) pool.command.empty() ? check_pam(pool) : check_own_workers(pool);
    for (const ProgramConfig& program : configuration_.programs) check_program(program);
  }

 private:
  // Faults about a value that was refused already, and is its default now, would only confuse.
  void error(const std::string& path, std::string message, std::string remedy) {
    if (places_.good(path)) faults_.error(places_.of(path), std::move(message), std::move(remedy));
  }
  void warning(const std::string& path, std::string message, std::string remedy) {
    if (places_.good(path)) faults_.warning(places_.of(path), std::move(message), std::move(remedy));
  }

  void check_service_accounts() {
    const ServerConfig& server = configuration_.server;
    check_service_account("user", server.user);
    check_service_account("login_user", server.login_user);
    if (server.user != server.login_user) return;
    error("server/login_user",
          "login_user is " + quoted(server.login_user) + " like user, so nothing would keep them apart",
          "name an account of its own for each");
  }

  void check_service_account(const std::string& key, const std::string& name) {
    const passwd* account = ::getpwnam(name.c_str());
    if (account == nullptr) {
      error("server/" + key, key + " is " + quoted(name) + ", an account that is not there",
            "make it with: useradd --system --shell /usr/sbin/nologin " + name + ", or name another");
    } else if (account->pw_uid == 0) {
      error("server/" + key, key + " is " + quoted(name) + ", which is root", "name an account without privileges");
    }
  }

  void check_directory(const std::string& path, const std::string& directory) {
    const auto status = status_of(directory);
    if (!status) return;  // it is made at the start
    const std::string what = "directory " + quoted(directory);
    if (!S_ISDIR(status->st_mode)) {
      error(path, what + " is no directory", "remove what stands there, or name another");
    } else if (status->st_uid != geteuid()) {
      error(path, what + " belongs to user " + std::to_string(status->st_uid), "chown it, or name another");
    } else if ((status->st_mode & kOthersMayWrite) != 0) {
      error(path, what + " can be written by its group or by others", "chmod go-w it, or name another");
    }
  }

  void check_listener(std::size_t index) {
    const ListenerConfig& listener = configuration_.listeners[index];
    const auto address = parse_listen_address(listener.address);
    if (!address) return;  // told already
    const std::string path = "listener/" + std::to_string(index) + "/address";
    const std::string label = listener_label(listener.name, index);
    if (listener.tls.handover == TlsHandover::kernel) check_kernel("listener/" + std::to_string(index) + "/tls/handover", label);
    if (listener.is_public()) check_public_user("listener/" + std::to_string(index) + "/user", label, listener.user);
    if (address->is_unix()) {
      check_socket_path(path, label, address->path);
      return;
    }
    if (const int failed = try_bind(*address); failed != 0) {
      error(path, label + " cannot have address " + quoted(listener.address) + ": " + reason(failed),
            failed == EACCES ? "start Usher as root, or write a port from 1024" : "write an address of this machine");
    }
    const bool logs_in = configuration_.road_of(listener.pool) != Dispatch::own && !listener.is_public();
    if (!address->is_local() && !listener.tls.on() && logs_in) check_plaintext(path, label, listener.allow_plaintext);
  }

  void check_plaintext(const std::string& path, const std::string& label, bool allowed) {
    if (allowed) {
      warning(path, label + " takes passwords in clear from beyond loopback", "add [listener.tls] with a certificate and its key");
    } else {
      warning(path, label + " listens beyond loopback without TLS, so its clients are refused (911)",
              "add [listener.tls] with a certificate and its key, or write allow_plaintext = true where the network is "
              "trusted, or listen on 127.0.0.1");
    }
  }

  void check_kernel(const std::string& path, const std::string& label) {
    if (kernel_has_tls()) return;
    warning(path, label + " wants TLS in the kernel, which has none here, so its sessions go through the relay",
            "load the module (modprobe tls, and a line in /etc/modules-load.d), or write \"relay\"");
  }

  // Whoever connects runs a program as this account.
  void check_public_user(const std::string& path, const std::string& label, const std::string& name) {
    if (name.empty()) return;  // told already
    const std::optional<uid_t> uid = uid_of(name);
    const std::string what = label + " runs its program as user " + quoted(name);
    if (!uid) {
      error(path, what + ", an account that is not there", "name an account of this machine");
    } else if (*uid == 0) {
      error(path, what + ", which is root, for everybody who connects", "name an account without privileges");
    } else if (geteuid() != 0 && *uid != geteuid()) {
      error(path, what + ", which only root could", "start Usher as root, or name the account you use");
    } else if (geteuid() == 0 && (uid == uid_of(configuration_.server.user) || uid == uid_of(configuration_.server.login_user))) {
      error(path, what + ", an account of Usher's own", "name an account that has nothing else");
    }
  }

  static std::optional<uid_t> uid_of(const std::string& name) {
    const passwd* account = ::getpwnam(name.c_str());
    if (account == nullptr) return {};
    return account->pw_uid;
  }

  void check_socket_path(const std::string& path, const std::string& label, const std::string& socket) {
    const std::string parent = socket.substr(0, std::max<std::size_t>(1, socket.rfind('/')));
    const auto directory = status_of(parent);
    if (!directory && parent != configuration_.server.runtime_directory) {
      error(path, label + " has a socket in " + quoted(parent) + ": " + reason(errno), "make the directory");
    } else if (const auto status = status_of(socket); status && !S_ISSOCK(status->st_mode)) {
      error(path, label + " would replace " + quoted(socket) + ", which is no socket",
            "remove it, or write another path");
    }
  }

  void check_pam(const PoolConfig& pool) {
    const std::string path = "pool/" + pool.name + (pool.pam_directory.empty() ? "/pam_service" : "/pam_directory");
    const std::string directory = pool.pam_directory.empty() ? kSystemPamDirectory : pool.pam_directory;
    const std::string file = directory + "/" + pool.pam_service;
    const std::string label = "pool " + quoted(pool.name);
    if (!places_.good("pool/" + pool.name + "/pam_service")) return;
    const auto status = status_of(file);
    if (!status) {
      error(path, label + " has no PAM service " + quoted(file) + ": " + reason(errno),
            "write that file, or name another with pam_service");
    } else if (!S_ISREG(status->st_mode)) {
      error(path, "PAM service " + quoted(file) + " of " + label + " is not a regular file", "put one in its place");
    } else if ((status->st_uid != 0 && status->st_uid != geteuid()) || (status->st_mode & kOthersMayWrite) != 0) {
      error(path, "PAM service " + quoted(file) + " of " + label + " can be changed by others than root",
            "chown it to root and chmod go-w it");
    }
  }

  void check_own_workers(const PoolConfig& pool) {
    const std::string path = "pool/" + pool.name;
    check_command(path + "/command", "pool " + quoted(pool.name), pool.command.front());
    if (pool.user.empty()) return;
    const passwd* account = ::getpwnam(pool.user.c_str());
    if (account == nullptr) {
      error(path + "/user", "user of pool " + quoted(pool.name) + " is " + quoted(pool.user) + ", an account that is not there",
            "make it, or name another");
    } else if (geteuid() != 0 && account->pw_uid != geteuid()) {
      error(path + "/user", "user of pool " + quoted(pool.name) + " is " + quoted(pool.user) + ", which only root could become",
            "start Usher as root, or name your own account");
    }
  }

  void check_program(const ProgramConfig& program) {
    const std::string path = "program/" + program.name;
    if (!program.command.empty()) check_command(path + "/command", "program " + quoted(program.name), program.command.front());
    check_names(path + "/users", program.users, is_user, "a user");
    check_names(path + "/deny_users", program.deny_users, is_user, "a user");
    check_names(path + "/groups", program.groups, is_group, "a group");
    check_names(path + "/deny_groups", program.deny_groups, is_group, "a group");
    const std::string& directory = program.working_directory;
    if (directory.starts_with('/') && !is_directory(directory)) {
      warning(path + "/working_directory",
              "working directory " + quoted(directory) + " of program " + quoted(program.name) +
                  " is no directory, so it would start in /",
              "make it, or write \"~\"");
    }
  }

  void check_command(const std::string& path, const std::string& label, const std::string& file) {
    const std::string what = label + " cannot run " + quoted(file) + ": ";
    const auto status = status_of(file);
    if (!status) {
      error(path, what + reason(errno), "install it, or write another path");
    } else if (!S_ISREG(status->st_mode)) {
      error(path, what + "it is not a regular file", "write the path of a program");
    } else if ((status->st_mode & kAnybodyMayExecute) == 0) {
      error(path, what + "nobody may execute it", "chmod a+x it, or write another path");
    }
  }

  static bool is_directory(const std::string& path) {
    const auto status = status_of(path);
    return status && S_ISDIR(status->st_mode);
  }
  static bool is_user(const std::string& name) { return name == "*" || ::getpwnam(name.c_str()) != nullptr; }
  static bool is_group(const std::string& name) { return ::getgrnam(name.c_str()) != nullptr; }

  void check_names(const std::string& path, const std::vector<std::string>& names, bool (*is_there)(const std::string&),
                   const std::string& what) {
    for (const std::string& name : names) {
      if (is_there(name)) continue;
      warning(path, quoted(name) + " is not " + what + " that this machine knows",
              "see to its spelling, or take it out");
    }
  }

  const Configuration& configuration_;
  const Places& places_;
  FaultList& faults_;
};

}  // namespace

void check_against_machine(const ConfigurationSource& source, ConfigurationResult& result) {
  if (source.files.empty()) return;
  const ParsedConfiguration parsed = parse_with_places(source);
  FaultList faults(source);
  MachineCheck(parsed.configuration, parsed.places, faults).check();
  for (Fault& fault : faults.take()) result.faults.push_back(std::move(fault));
  sort_faults(source, result.faults);
}

}  // namespace usher
