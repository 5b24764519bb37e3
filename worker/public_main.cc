// usher-public: serves a public listener as its user. Started by usher-starter only.
#include "base/service_main.h"
#include "worker/public_listener.h"

int main(int count, char** arguments) {
  return usher::service_main("usher-public", count, arguments,
                             [] { return usher::run_public_listener(usher::UniqueFd(usher::kStarterChannelFd)); });
}
