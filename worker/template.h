// The template: a process that has done once what every worker needs, and forks workers on request as the starter's children.
//
// Does:     reads one generation of the configuration, starts PAM for each pool (modules mapped, an idle handle for the next
//           worker), reads certificates and keys, compiles the login processes' filter, asks the name service once; then forks when told.
// Knows:    the configuration, its channel to the starter.
// Believes: the starter.
// Ends:     when the starter closes the channel. Never serves a client itself.
#pragma once

#include "base/channel.h"

namespace usher {

// The exit status of the process; in a forked worker too, when its life is over.
int run_template(Channel starter);

}  // namespace usher
