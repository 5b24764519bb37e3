// usher-worker: the template that workers are forked from. Started by usher-starter only.
#include <cstdio>
#include <exception>
#include <string_view>

#include "base/log.h"
#include "base/service_messages.h"
#include "worker/template.h"

int main(int count, char** arguments) {
  using namespace usher;
  const std::string_view argument = count == 2 ? arguments[1] : "";
  if (!argument.starts_with("--log=")) {
    std::fputs("usher-worker is started by usher-starter; see usher(1)\n", stderr);
    return 2;
  }
  try {
    log::open("usher-worker", log::target_named(argument.substr(6)));
    return run_template(Channel(UniqueFd(kStarterChannelFd)));
  } catch (const std::exception& error) {
    log::error("template_failed", {{"reason", error.what()}});
    return 1;
  }
}
