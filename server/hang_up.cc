#include "server/hang_up.h"

#include <sys/ioctl.h>

namespace usher {

bool has_left_without_a_word(int client) noexcept {
  int unread = 0;
  return ::ioctl(client, FIONREAD, &unread) != 0 || unread == 0;
}

}  // namespace usher
