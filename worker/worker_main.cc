// usher-worker: the template that workers are forked from. Started by usher-starter only.
#include "base/service_main.h"
#include "worker/template.h"

int main(int count, char** arguments) {
  return usher::service_main("usher-worker", count, arguments, [] {
    return usher::run_template(usher::Channel(usher::UniqueFd(usher::kStarterChannelFd)));
  });
}
