// usher login: a client of the dialog, for people and for scripts.
#pragma once

#include <Poco/Util/OptionSet.h>

#include <span>
#include <string>

namespace usher {

Poco::Util::OptionSet login_options();
// Status: the program's; 128+N for signal N; else login_status.h. 1 for a password file that cannot be used.
int login_command(std::span<const std::string> arguments);

}  // namespace usher
