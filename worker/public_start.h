// Starts one public listener's program again and again: everything that does not differ between connections is prepared.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/endpoint.h"
#include "worker/launch_plan.h"
#include "worker/public_environment.h"
#include "worker/public_plan.h"

namespace usher {

class PublicStart {
 public:
  // `log` becomes the programs' standard error; `open_files` is their soft limit where the configuration sets none.
  // From now on this process is in the program's working directory.
  PublicStart(const PublicPlan& plan, const Endpoint& local, int log, rlim_t open_files);
  PublicStart(const PublicStart&) = delete;
  PublicStart& operator=(const PublicStart&) = delete;

  struct Outcome {
    pid_t pid = -1;  // -1: there could be no process
    LaunchStep failed = LaunchStep::none;  // the process could not become the program, and is gone
    int error_number = 0;
  };
  Outcome run(int connection, std::uint32_t number, const Endpoint& client, const Endpoint& local);

 private:
  void enter_directory(const PublicPlan& plan);

  std::vector<std::string> words_;
  std::vector<char*> arguments_;
  PublicEnvironment environment_;
  bool errors_to_client_;
  int log_;
  LaunchPlan launch_{};
};

}  // namespace usher
