#include "worker/program_access.h"

#include <algorithm>

#include "base/network.h"

namespace usher {
namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "*" stands for everybody here and is no name: an account called "*" gains nothing by it that others do not have.
bool lists_user(const std::vector<std::string>& users, const Account& account) {
  return contains(users, "*") || contains(users, account.name);
}

}  // namespace

bool may_run(const ProgramConfig& program, const Account& account) {
  if (lists_user(program.deny_users, account) || is_in_any(account, program.deny_groups)) return false;
  return lists_user(program.users, account) || is_in_any(account, program.groups);
}

std::vector<std::string> split_words(std::string_view line) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string> words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return words;
    const std::size_t end = std::min(line.find_first_of(kBlanks, begin), line.size());
    words.emplace_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

const ProgramConfig* find_program(const Configuration& configuration, const Account& account,
                                  const std::vector<std::string>& words) {
  if (words.empty()) return nullptr;
  const ProgramConfig* program = configuration.program(words[0]);
  if (program == nullptr || (words.size() > 1 && !program->arguments)) return nullptr;
  return may_run(*program, account) ? program : nullptr;
}

bool is_reserved_for(const ReservedConfig& reserved, const Account& account, const Endpoint& client) {
  return is_in_one_of(reserved.networks, client) || contains(reserved.users, account.name) ||
         is_in_any(account, reserved.groups);
}

}  // namespace usher
