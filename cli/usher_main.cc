// usher: the command line.
#include <signal.h>

#include <string>
#include <vector>

#include "cli/usher.h"

int main(int count, char** arguments) {
  // Poco has blocked SIGPIPE before main, and the mask would go on to whatever is executed.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigprocmask(SIG_UNBLOCK, &pipe, nullptr);
  return usher::run_usher(std::vector<std::string>(arguments + 1, arguments + count));
}
