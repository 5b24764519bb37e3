// The caller's terminal, whatever standard input and output are.
//
// Model:  prompts and answers go over /dev/tty; what is told goes to standard error. While a secret is typed nothing
//         shows, and whatever ends that (an answer, a signal, the end of input) brings the terminal back as it was
//         first.
// Source: getpass of OpenBSD's readpassphrase(3): catch signals, restore, then let them act.
#pragma once

#include <string>

#include "base/unique_fd.h"
#include "cli/prompter.h"

namespace usher {

class Terminal final : public Prompter {
 public:
  Terminal();

  bool is_there() const override { return static_cast<bool>(tty_); }
  std::optional<Secret> wait_for_secret(std::string_view prompt) override;
  std::optional<std::string> wait_for_answer(std::string_view prompt) override;
  void tell(std::string_view text) override;

 private:
  UniqueFd tty_;
};

}  // namespace usher
