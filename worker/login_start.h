// The start of a login process: as a program of its own (login_main.cc), or as a fork of its worker (login_process.h).
//
// Model:  the program has a channel to the worker and no memory of it; it is told by EnterSandbox who to become. The fork needs no
//         telling, and has OpenSSL as the template has prepared it.
// Source: vfork(2), execveat(2).
#pragma once

#include <sys/types.h>

#include "auth/sandbox.h"
#include "base/channel.h"
#include "tls/server.h"

namespace usher {

// What a login process is made in.
struct LoginSurroundings {
  const Jail& jail;
  const SystemCallFilter& filter;
  const tls::Servers& servers;
  const UniqueFd& program;  // usher-login; none: a fork
};

struct StartedLogin {
  pid_t pid;
  Channel channel;
};

// Whether its sandbox holds it says itself (LoginReady). Errors: std::system_error.
StartedLogin start_login_process(const LoginSurroundings& surroundings);

}  // namespace usher
