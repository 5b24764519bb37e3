// Starts a public listener's program again and again: everything that does not differ between connections is prepared.
//
// Model:  a few places, each with all that one start needs; a place is free again as soon as its child runs the program. The
//         caller waits only when all are taken.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "worker/launch.h"
#include "worker/public_environment.h"
#include "worker/public_plan.h"

namespace usher {

class PublicStart {
 public:
  static constexpr std::size_t kPlaces = 16;

  // `log` becomes the programs' standard error; `open_files` is their soft limit where the configuration sets none.
  // From now on this process is in the program's working directory.
  PublicStart(const PublicPlan& plan, const Endpoint& local, int log, rlim_t open_files);
  ~PublicStart();
  PublicStart(const PublicStart&) = delete;
  PublicStart& operator=(const PublicStart&) = delete;

  // The pid; -1 and errno when there could be no process, or too many are on their way. One that cannot become the program
  // ends with status 127, and is told of by failure().
  pid_t run(int connection, std::uint32_t number, const Endpoint& client, const Endpoint& local);
  // This child has ended.
  void ended(pid_t pid);
  // A child still reads what is here.
  bool busy() const;
  // The last one since it was asked for.
  std::optional<LaunchFailure> failure() { return std::exchange(failure_, std::nullopt); }

 private:
  struct Place {
    Place(const PublicPlan& plan, const Endpoint& local) : environment(plan, local) {}

    PublicEnvironment environment;
    LaunchPlan launch{};
    LaunchRoom room;
    pid_t pid = 0;  // of the last child, until it is known to run the program or to be gone
  };

  void enter_directory(const PublicPlan& plan);
  Place* free_place();
  void note_failure(Place& place);

  std::vector<std::string> words_;
  std::vector<char*> arguments_;
  bool errors_to_client_;
  int log_;
  std::vector<std::unique_ptr<Place>> places_;
  std::size_t next_ = 0;
  std::optional<LaunchFailure> failure_;
};

}  // namespace usher
