// Where runtime and state files go when [server] does not say so: it depends on who runs Usher.
#pragma once

#include <string>

namespace usher {

struct DefaultDirectories {
  std::string runtime;
  std::string state;
};

// Shape:  root: /run/usher and /var/lib/usher. Others: $XDG_RUNTIME_DIR/usher when that directory is theirs, else
//         /run/user/UID/usher, else /tmp/usher-UID; and $XDG_STATE_HOME/usher, else ~/.local/state/usher, else a
//         directory "state" in the runtime directory. Nothing is made; whoever makes /tmp/usher-UID must see to it that
//         it is the caller's own.
// Source: XDG Base Directory Specification 0.8: paths that are not absolute are ignored.
DefaultDirectories default_directories();

}  // namespace usher
