// What the main functions of the starter's children share: the only argument is --log=TARGET.
#pragma once

#include <signal.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/service_messages.h"

namespace usher {

template <class Run>
int service_main(const char* program, int count, char** arguments, Run run) {
  const std::string_view argument = count == 2 ? arguments[1] : "";
  if (!argument.starts_with("--log=")) {
    std::fprintf(stderr, "%s is started by usher-starter; see usher(1)\n", program);
    return 2;
  }
  try {
    log::open(program, log::target_named(argument.substr(6)));
    ::signal(SIGPIPE, SIG_IGN);
    return run();
  } catch (const std::exception& error) {
    log::error("failed", {{"reason", error.what()}});
    return 1;
  }
}

}  // namespace usher
