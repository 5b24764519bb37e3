#include "cli/installation.h"

#include <unistd.h>

#include "auth/become_user.h"
#include "base/configuration_parse.h"
#include "usher/error.h"

namespace usher {

ServerConfig server_of(const std::string& configuration) {
  std::vector<Fault> faults;
  const ConfigurationSource source = read_configuration_files(configuration, faults);
  ParsedConfiguration parsed = parse_with_places(source);
  const bool known = !source.files.empty() && parsed.server_known;
  if (known && !parsed.configuration.server.runtime_directory.empty()) return std::move(parsed.configuration.server);
  faults.insert(faults.end(), parsed.faults.begin(), parsed.faults.end());
  throw Error(ErrorCode::configuration, faults.empty() ? configuration + " names no runtime directory" : faults[0].text());
}

void give_up_root(const ServerConfig& server) {
  if (::geteuid() != 0) return;
  const auto account = find_account(server.user);
  if (!account) throw Error(ErrorCode::configuration, "there is no user \"" + server.user + "\"");
  become(*account, groups_of(*account));
}

}  // namespace usher
