// An account as the name service knows it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace usher {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
  std::string shell;
};

// Empty when there is none. Errors: std::system_error when the name service does not answer.
std::optional<Account> find_account(const std::string& name);
std::optional<Account> find_account(uid_t uid);

// All groups the name service lists for the account, its own first.
std::vector<gid_t> groups_of(const Account& account);

// Is one of `names` a group that is listed for the account? Names without a group match nobody.
bool is_in_any(const Account& account, const std::vector<std::string>& names);

}  // namespace usher
