// UTF-8 text from strangers: is it valid, and how is it shown safely.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace usher {

// The length of the valid UTF-8 sequence at the start of `text`, 0 when there is none.
// Source: Unicode 15, table 3-7 (no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_sequence_length(std::string_view text) noexcept;

bool is_utf8(std::string_view text) noexcept;

// Control characters (C0, DEL, C1) and bytes that are not UTF-8 become '?', one for each byte.
std::string printable(std::string_view text);

// At most `max_bytes`, never ending inside a UTF-8 sequence.
std::string_view cut_utf8(std::string_view text, std::size_t max_bytes) noexcept;

}  // namespace usher
