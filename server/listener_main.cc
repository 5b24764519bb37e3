// usher-listener: accepts clients and hands each to a ready worker. Started by usher-starter only.
#include "base/service_main.h"
#include "server/listener.h"

int main(int count, char** arguments) {
  return usher::service_main("usher-listener", count, arguments,
                             [] {
                               usher::raise_descriptor_limit_of_service();
                               usher::keep_freed_memory();
                               return usher::run_listener(usher::UniqueFd(usher::kStarterChannelFd));
                             });
}
