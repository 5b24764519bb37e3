#include "auth/become_user.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/system.h"

namespace usher {
namespace {

#if defined(SYS_setresuid32)
constexpr long kSetresuid = SYS_setresuid32, kSetresgid = SYS_setresgid32;
constexpr long kGetresuid = SYS_getresuid32, kGetresgid = SYS_getresgid32;
#else
constexpr long kSetresuid = SYS_setresuid, kSetresgid = SYS_setresgid;
constexpr long kGetresuid = SYS_getresuid, kGetresgid = SYS_getresgid;
#endif

bool all_are(long get, unsigned id) noexcept {
  unsigned real = 0;
  unsigned effective = 0;
  unsigned saved = 0;
  return syscall(get, &real, &effective, &saved) == 0 && real == id && effective == id && saved == id;
}

void require(int error_number, const std::string& who) {
  if (error_number != 0) throw_errno("become " + who, error_number);
}

}  // namespace

int become_user_raw(uid_t uid, gid_t gid) noexcept {
  if (syscall(kSetresgid, gid, gid, gid) != 0) return errno;
  if (syscall(kSetresuid, uid, uid, uid) != 0) return errno;
  if (!all_are(kGetresgid, gid) || !all_are(kGetresuid, uid)) return EPERM;
  if (uid != 0 && syscall(kSetresuid, 0, 0, 0) == 0) return EPERM;
  return 0;
}

void become(const Account& account, std::span<const gid_t> groups) {
  if (geteuid() != 0 && geteuid() == account.uid) return;
  check(setgroups(groups.size(), groups.data()), "take the groups of " + account.name);
  require(become_user_raw(account.uid, account.gid), account.name);
}

void take_groups(const Account& account, std::span<const gid_t> groups) {
  if (geteuid() != 0) return;
  check(setresgid(account.gid, account.gid, account.gid), "take the group of " + account.name);
  check(setgroups(groups.size(), groups.data()), "take the groups of " + account.name);
  forbid_dumps();
}

void forbid_dumps() { check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "forbid dumps and tracing"); }

}  // namespace usher
