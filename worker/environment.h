// The environment a program starts with: freshly made, nothing of Usher's own.
//
// Order:  PAM's variables, the program's `environment`, then what Usher says; a later one replaces an earlier one.
// Source: UCSPI-1996 (PROTO, TCP*), systemd.exec(5) (REMOTE_ADDR, REMOTE_PORT), environ(7).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "auth/account.h"
#include "base/configuration.h"
#include "base/endpoint.h"

namespace usher {

// Of a connection with TLS.
struct TlsFacts {
  std::string version;  // "TLSv1.3"
  std::string cipher;
  std::string subject;  // of the client's certificate; empty without one
  std::string user;     // whom that names
};

struct SessionFacts {
  std::string job;  // "000123/usher/generic"
  std::string listener;
  Endpoint client;
  Endpoint local;
  std::string runtime_directory{};
  std::optional<TlsFacts> tls{};
};

// "NAME=VALUE" each.
std::vector<std::string> program_environment(const std::vector<std::string>& pam_variables, const ProgramConfig& program,
                                             const Account& account, const SessionFacts& facts);

}  // namespace usher
