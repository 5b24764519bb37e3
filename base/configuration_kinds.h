// The kinds of values a key can have, with their bounds. Each says its shape as a noun, for faults and for documents:
// "login_tries of listener "a" is 0; write a whole number from 1 to 20".
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/configuration_rules.h"

namespace usher {

struct Flag {};

struct Number {
  std::int64_t least;
  std::int64_t most;
};

struct Duration {
  std::chrono::milliseconds least;
  std::chrono::milliseconds most;
};

struct Size {
  std::uint64_t least;
  std::uint64_t most;
};

struct Words {
  TextRule rule;
};

struct WordList {
  TextRule rule;
  std::size_t least;
  std::size_t most;
};

// The path of a file, or a list of such.
struct Files {
  std::size_t most;
};

// The first word of a list is a path, the others are its arguments.
enum class Presence { required, optional };
struct CommandLine {
  std::size_t most;
  Presence presence = Presence::required;  // optional: may be empty
};

// NAME = "value" pairs of an environment.
struct Variables {
  std::size_t most;
};

template <class Enum>
struct Word {
  std::string_view text;
  Enum value;
};
template <class Enum, std::size_t N>
struct Choice {
  std::array<Word<Enum>, N> words;
};
template <class Enum, std::size_t N>
Choice(std::array<Word<Enum>, N>) -> Choice<Enum, N>;

// A table within a table, with keys of its own.
template <class Keys>
struct Group {
  Keys keys;
};
template <class Keys>
Group(Keys) -> Group<Keys>;

std::string shape_of(const Flag& kind);
std::string shape_of(const Number& kind);
std::string shape_of(const Duration& kind);
std::string shape_of(const Size& kind);
std::string shape_of(const Words& kind);
std::string shape_of(const WordList& kind);
std::string shape_of(const Files& kind);
std::string shape_of(const CommandLine& kind);
std::string shape_of(const Variables& kind);

template <class Enum, std::size_t N>
std::string shape_of(const Choice<Enum, N>& kind) {
  std::string shape;
  for (const auto& word : kind.words) {
    shape += shape.empty() ? "" : &word == &kind.words.back() ? " or " : ", ";
    shape += '"' + std::string(word.text) + '"';
  }
  return shape;
}

template <class Keys>
std::string shape_of(const Group<Keys>&) {
  return "a table { ... } with keys of its own";
}

}  // namespace usher
