#include "cli/installation.h"

#include <unistd.h>

#include "auth/become_user.h"
#include "usher/error.h"

namespace usher {

ServerConfig server_of(const std::string& configuration) {
  std::vector<Fault> faults;
  const ConfigurationSource source = read_configuration_files(configuration, faults);
  const ServerConfig server = parse_configuration(source).configuration.server;
  if (!source.files.empty() && !server.runtime_directory.empty()) return server;
  throw Error(ErrorCode::configuration, faults.empty() ? configuration + " names no runtime directory" : faults[0].text());
}

void give_up_root(const ServerConfig& server) {
  if (::geteuid() != 0) return;
  const auto account = find_account(server.user);
  if (!account) throw Error(ErrorCode::configuration, "there is no user \"" + server.user + "\"");
  become(*account, Groups::listed);
}

}  // namespace usher
