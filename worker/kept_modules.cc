// Part of the executable usher-worker alone, whose dlclose(3) takes the place of libc's: no library is ever unloaded.
//
// Why:    pam_end(3) closes every module, though the template keeps them all: the loader then writes a page of each, in a process
//         that is about to end.
// Source: dlopen(3): the executable comes first where libraries look for a name.
#include <dlfcn.h>

extern "C" [[gnu::visibility("default")]] int dlclose(void* /*handle*/) noexcept { return 0; }
