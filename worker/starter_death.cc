#include "worker/starter_death.h"

#include <sys/prctl.h>
#include <unistd.h>

#include "base/system.h"

namespace usher {

namespace {

constexpr unsigned kTimeAlone = 10;  // seconds

}  // namespace

void when_starter_dies(int signal) { check(prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "say what the starter's death means"); }

void hurry_when_starter_dies(bool starter_lives) {
  ::signal(SIGTERM, [](int) { ::alarm(kTimeAlone); });
  when_starter_dies(SIGTERM);
  if (!starter_lives) ::alarm(kTimeAlone);
}

}  // namespace usher
