// What is refused before the TOML parser sees it: bytes that are no text, characters that TOML has no place for, and
// nesting on which a recursive parser, or the destruction of what it made, would run out of stack.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace usher {

struct Unreadable {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;
  std::string remedy;
};

// Empty when the text may be parsed.
// Shape:  valid UTF-8 without NUL bytes; ASCII outside strings and comments; brackets nest at most 16 deep, and a
// dotted
//         key has at most 16 parts; a name follows the bracket of a table.
// Source: TOML 1.0; toml++ 3.3 has no bound for the parts of a dotted key (half a million of them end it), and its
//         look-up of letters in bare keys is undefined for some that are not ASCII; it ends the process at a "[" that begins a
//         line and has no name behind it.
std::optional<Unreadable> screen_text(std::string_view text);

}  // namespace usher
