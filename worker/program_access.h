// Which programs a user may run, and what the client's line asks for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/account.h"
#include "base/configuration.h"
#include "base/endpoint.h"

namespace usher {

// Deny lists win over allow lists; with neither `users` nor `groups` nobody may.
bool may_run(const ProgramConfig& program, const Account& account);

// `NAME [ARG...]` split at blanks and tabs; there is no quoting. Empty for a line of blanks.
std::vector<std::string> split_words(std::string_view line);

// The program that the words name, when there is one that this account may run with as many arguments; else nullptr:
// the client gets the same answer for all of these.
const ProgramConfig* find_program(const Configuration& configuration, const Account& account,
                                  const std::vector<std::string>& words);

// Does a place that others leave free belong to this user, coming from there?
bool is_reserved_for(const ReservedConfig& reserved, const Account& account, const Endpoint& client);

}  // namespace usher
