// usher-starter: the parent of all of Usher. Started by `usher start` or a service manager.
#include <getopt.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "base/log.h"
#include "base/service_main.h"
#include "worker/starter.h"

namespace {

constexpr const char* kUsage = "usher-starter is started by usher(1): usher start [--foreground] [--config FILE]\n";

}  // namespace

int main(int count, char** arguments) {
  using namespace usher;
  constexpr std::array kOptions{
      option{"config", required_argument, nullptr, 'c'},
      option{"log", required_argument, nullptr, 'l'},
      option{"ready-fd", required_argument, nullptr, 'r'},
      option{"state-fd", required_argument, nullptr, 's'},
      option{"version", no_argument, nullptr, 'v'},
      option{nullptr, 0, nullptr, 0},
  };
  StarterOptions options;
  try {
    log::Target target = log::foreground_target();
    for (int name = 0; (name = getopt_long(count, arguments, "", kOptions.data(), nullptr)) != -1;) {
      if (name == 'c') options.configuration = optarg;
      if (name == 'l') target = log::target_named(optarg);
      if (name == 'r') options.ready.reset(static_cast<int>(std::strtol(optarg, nullptr, 10)));
      if (name == 's') options.state.reset(static_cast<int>(std::strtol(optarg, nullptr, 10)));
      if (name == 'v') return 0  /* it runs: that is all who asks wants to know */;
      if (name == '?') return std::fputs(kUsage, stderr), 2;
    }
    if (options.configuration.empty() || optind != count) return std::fputs(kUsage, stderr), 2;
    options.detached = static_cast<bool>(options.ready);
    log::open("usher-starter", target);
    yield_to_workers();
    return run_starter(std::move(options));
  } catch (const std::exception& error) {
    log::error("starter_failed", {{"reason", error.what()}});
    return 1;
  }
}
