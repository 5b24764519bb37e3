// usher-pool: keeps workers ready and knows every job. Started by usher-starter only.
#include "base/log.h"
#include "base/service_main.h"
#include "worker/pool.h"

int main(int count, char** arguments) {
  return usher::service_main("usher-pool", count, arguments, [] {
    usher::raise_descriptor_limit_of_service();
    usher::yield_to_workers();
    usher::keep_freed_memory();
    return usher::run_pool(usher::UniqueFd(usher::kStarterChannelFd), usher::UniqueFd(usher::kPoolSocketFd),
                           usher::UniqueFd(usher::kJobsSocketFd));
  });
}
