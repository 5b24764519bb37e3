#include "base/configuration_kinds.h"

#include "base/configuration_values.h"

namespace usher {

std::string shape_of(const Flag&) {
  return "true or false";
}

std::string shape_of(const Number& kind) {
  return "a whole number from " + std::to_string(kind.least) + " to " + std::to_string(kind.most);
}

std::string shape_of(const Duration& kind) {
  return "a duration from \"" + duration_text(kind.least) + "\" to \"" + duration_text(kind.most) +
         "\" (units ms s m h d)";
}

std::string shape_of(const Size& kind) {
  return "a size from \"" + size_text(kind.least) + "\" to \"" + size_text(kind.most) + "\" (units k M G T)";
}

std::string shape_of(const Words& kind) {
  return std::string(kind.rule.shape);
}

std::string shape_of(const WordList& kind) {
  return "a list of at most " + std::to_string(kind.most) + ", each " + std::string(kind.rule.shape);
}

std::string shape_of(const Files& kind) {
  return "the absolute path of a file, or a list of 1 to " + std::to_string(kind.most) + " such";
}

std::string shape_of(const CommandLine& kind) {
  return std::string(kind.presence == Presence::required ? "a list of 1 to " : "a list of 0 to ") + std::to_string(kind.most) +
         " texts in quotes: the absolute path of a program, then its arguments";
}

std::string shape_of(const Variables& kind) {
  return "a table { NAME = \"value\" } of at most " + std::to_string(kind.most) + " variables";
}

}  // namespace usher
