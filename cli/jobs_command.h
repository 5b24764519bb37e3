// usher jobs and usher job: the registry and the history.
#pragma once

#include <Poco/Util/OptionSet.h>

#include <span>
#include <string>

namespace usher {

Poco::Util::OptionSet jobs_options();
int jobs_command(std::span<const std::string> arguments);

Poco::Util::OptionSet job_options();
// show ID | log ID | end ID; an ID is a number, a whole job name, or an internal id.
int job_command(std::span<const std::string> arguments);

}  // namespace usher
