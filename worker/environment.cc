#include "worker/environment.h"

#include <map>

namespace usher {
namespace {

using Variables = std::map<std::string, std::string>;

void add_pam_variables(Variables& variables, const std::vector<std::string>& pam_variables) {
  for (const std::string& variable : pam_variables) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos && equals > 0) variables[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
}

void add_account(Variables& variables, const Account& account) {
  variables["USER"] = variables["LOGNAME"] = account.name;
  variables["HOME"] = account.home;
  variables["SHELL"] = account.shell.empty() ? "/bin/sh" : account.shell;
  const char* path = account.uid == 0 ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                                      : "/usr/local/bin:/usr/bin:/bin";
  variables["PATH"] = path;
}

void add_connection(Variables& variables, const Endpoint& client, const Endpoint& local) {
  if (client.family == Endpoint::Family::local) {
    variables["PROTO"] = "UNIX";
    return;
  }
  variables["PROTO"] = client.family == Endpoint::Family::ipv4 ? "TCP" : "TCP6";
  variables["TCPREMOTEIP"] = variables["REMOTE_ADDR"] = client.host;
  variables["TCPREMOTEPORT"] = variables["REMOTE_PORT"] = std::to_string(client.port);
  variables["TCPLOCALIP"] = local.host;
  variables["TCPLOCALPORT"] = std::to_string(local.port);
}

void add_tls(Variables& variables, const TlsFacts& tls) {
  variables["USHER_TLS_VERSION"] = tls.version;
  variables["USHER_TLS_CIPHER"] = tls.cipher;
  if (!tls.subject.empty()) variables["USHER_TLS_CLIENT"] = tls.subject;
}

}  // namespace

std::vector<std::string> program_environment(const std::vector<std::string>& pam_variables, const ProgramConfig& program,
                                             const Account& account, const SessionFacts& facts) {
  Variables variables;
  add_pam_variables(variables, pam_variables);
  for (const auto& [name, value] : program.environment) variables[name] = value;
  add_account(variables, account);
  variables["USHER_JOB"] = facts.job;
  variables["USHER_PROGRAM"] = program.name;
  variables["USHER_LISTENER"] = facts.listener;
  const bool usual = facts.runtime_directory.empty() || facts.runtime_directory == "/run/usher";
  if (!usual) variables["USHER_RUNTIME_DIRECTORY"] = facts.runtime_directory;
  add_connection(variables, facts.client, facts.local);
  if (facts.tls) add_tls(variables, *facts.tls);

  std::vector<std::string> environment;
  environment.reserve(variables.size());
  for (const auto& [name, value] : variables) environment.emplace_back(name).append("=").append(value);
  return environment;
}

}  // namespace usher
