#include "auth/account.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>

#include "base/system.h"

namespace usher {
namespace {

// getpw*_r and getgr*_r alike: a buffer that grows until the answer fits.
template <class Record, class Lookup, class Convert>
auto look_up(Lookup lookup, Convert convert) -> std::optional<decltype(convert(std::declval<const Record&>()))> {
  std::vector<char> buffer(1024);
  while (true) {
    Record record{};
    Record* found = nullptr;
    const int error = lookup(&record, buffer.data(), buffer.size(), &found);
    if (error == ERANGE && buffer.size() < (std::size_t{64} << 20)) {
      buffer.resize(buffer.size() * 4);
      continue;
    }
    const bool unknown = error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
    if (found == nullptr && unknown) return std::nullopt;  // what getpwnam(3) lists as "not found"
    if (found == nullptr) throw_errno("ask the name service", error);
    return convert(record);
  }
}

Account account_from(const passwd& entry) {
  return {entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell};
}

std::optional<gid_t> find_group(const std::string& name) {
  return look_up<group>(
      [&](group* record, char* buffer, std::size_t size, group** found) {
        return getgrnam_r(name.c_str(), record, buffer, size, found);
      },
      [](const group& entry) { return entry.gr_gid; });
}

}  // namespace

std::optional<Account> find_account(const std::string& name) {
  return look_up<passwd>(
      [&](passwd* record, char* buffer, std::size_t size, passwd** found) {
        return getpwnam_r(name.c_str(), record, buffer, size, found);
      },
      account_from);
}

std::optional<Account> find_account(uid_t uid) {
  return look_up<passwd>(
      [&](passwd* record, char* buffer, std::size_t size, passwd** found) {
        return getpwuid_r(uid, record, buffer, size, found);
      },
      account_from);
}

// Usually they fit on the stack: what libc takes of the heap meanwhile is not to lie behind them, at the cost of a page.
std::vector<gid_t> groups_of(const Account& account) {
  std::array<gid_t, 64> few{};
  int count = static_cast<int>(few.size());
  if (getgrouplist(account.name.c_str(), account.gid, few.data(), &count) >= 0) return {few.begin(), few.begin() + count};
  std::vector<gid_t> groups(few.size());
  do {
    groups.resize(std::max(static_cast<std::size_t>(std::max(count, 0)), groups.size() * 2));
    count = static_cast<int>(groups.size());
  } while (getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) < 0);
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

bool is_in_any(const Account& account, const std::vector<std::string>& names) {
  if (names.empty()) return false;
  const std::vector<gid_t> groups = groups_of(account);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto gid = find_group(name);
    return gid && std::find(groups.begin(), groups.end(), *gid) != groups.end();
  });
}

}  // namespace usher
