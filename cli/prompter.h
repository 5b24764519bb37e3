// Whoever answers what a server asks: a person at a terminal, or in tests a script.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace usher {

class Prompter {
 public:
  Prompter() = default;
  Prompter(const Prompter&) = delete;
  Prompter& operator=(const Prompter&) = delete;
  virtual ~Prompter() = default;

  virtual bool is_there() const = 0;
  // Empty when nobody answers: no terminal, or the end of its input.
  virtual std::optional<Secret> wait_for_secret(std::string_view prompt) = 0;
  virtual std::optional<std::string> wait_for_answer(std::string_view prompt) = 0;
  // Something to read.
  virtual void tell(std::string_view text) = 0;
};

}  // namespace usher
