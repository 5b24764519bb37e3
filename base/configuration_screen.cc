#include "base/configuration_screen.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace usher {
namespace {

constexpr std::size_t kMaxDepth = 16;

struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

// Columns count characters, as toml++ counts them.
Position position_of(std::string_view text, std::size_t offset) {
  Position position;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      position = {position.line + 1, 1};
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

std::size_t offset_of_bad_byte(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    const std::size_t length = utf8_sequence_length(text.substr(offset));
    if (length == 0 || text[offset] == '\0') return offset;
    offset += length;
  }
  return text.npos;
}

// Walks over TOML far enough to know what is a string or a comment and what is structure. Where the text is not TOML it
// may be wrong: the parser then stops at that very place.
class StructureScan {
 public:
  enum class Finding { nothing, too_deep, not_ascii, nameless };

  explicit StructureScan(std::string_view text) : text_(text), start_(text.starts_with("\xEF\xBB\xBF") ? 3 : 0) {}

  Finding run() {
    Finding finding = Finding::nothing;
    while (finding == Finding::nothing && at_ < text_.size()) finding = step();
    return finding;
  }
  std::size_t at() const { return at_; }

 private:
  Finding step() {
    const char c = text_[at_];
    if (c == '"' || c == '\'') {
      skip_string(c);
      return Finding::nothing;
    }
    if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
      return Finding::nothing;
    }
    if (static_cast<unsigned char>(c) > 0x7F) return Finding::not_ascii;
    if (c == '[' && depth_ == 0 && is_first_of_line() && !has_name()) return Finding::nameless;
    count(c);
    if (depth_ > kMaxDepth || dots_ >= kMaxDepth) return Finding::too_deep;
    ++at_;
    return Finding::nothing;
  }

  bool is_first_of_line() const {
    const std::string_view passed = text_.substr(start_, at_ - start_);
    const std::size_t before = passed.find_last_not_of(" \t");
    return before == passed.npos || passed[before] == '\n';
  }

  // May a name follow the bracket, or the two, of a table? What is merely no name the parser tells better.
  bool has_name() const {
    std::string_view rest = text_.substr(at_ + 1);
    const auto skip_blanks = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size())); };
    skip_blanks();
    if (rest.starts_with('[')) rest.remove_prefix(1);
    skip_blanks();
    constexpr std::string_view kOthers = "_-\"']";
    return rest.empty() || std::isalnum(static_cast<unsigned char>(rest.front())) != 0 || kOthers.find(rest.front()) != rest.npos;
  }

  void count(char c) {
    if (c == '[' || c == '{') ++depth_;
    if ((c == ']' || c == '}') && depth_ > 0) --depth_;
    if (c == '.') ++dots_;
    // A key ends here, or with the line.
    if (c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}' || c == '\n') dots_ = 0;
  }

  void skip_string(char quote) {
    const bool multi_line = text_.substr(at_, 3) == std::string(3, quote);
    at_ += multi_line ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\' && quote == '"') {
        at_ += 2;
      } else if (multi_line && text_.substr(at_, 3) == std::string(3, quote)) {
        at_ = std::min(text_.find_first_not_of(quote, at_), text_.size());
        return;
      } else if (!multi_line && (c == quote || c == '\n')) {
        ++at_;
        return;
      } else {
        ++at_;
      }
    }
  }

  std::string_view text_;
  std::size_t start_;  // behind a byte-order mark
  std::size_t at_ = start_;
  std::size_t depth_ = 0;
  std::size_t dots_ = 0;
};

Unreadable unreadable(std::string_view text, std::size_t offset, std::string message, std::string remedy) {
  const Position position = position_of(text, offset);
  return {position.line, position.column, std::move(message), std::move(remedy)};
}

}  // namespace

std::optional<Unreadable> screen_text(std::string_view text) {
  const std::size_t bad = offset_of_bad_byte(text);
  if (bad != text.npos && text[bad] == '\0') {
    return unreadable(text, bad, "the file has a NUL byte", "write text only");
  }
  if (bad != text.npos) {
    return unreadable(text, bad, "the file has a byte that is not UTF-8", "save the file as UTF-8");
  }
  StructureScan scan(text);
  switch (scan.run()) {
    case StructureScan::Finding::nothing: return {};
    case StructureScan::Finding::too_deep:
      return unreadable(text, scan.at(), "this nests deeper than 16 levels",
                        "write tables of one or two levels, as in usher.toml(5)");
    case StructureScan::Finding::not_ascii:
      return unreadable(text, scan.at(), "a character that is not ASCII stands outside quotes and comments",
                        "put the text in quotes");
    case StructureScan::Finding::nameless:
      return unreadable(text, scan.at(), "no name follows this bracket", "write [listener.NAME], [pool.NAME] or another table");
  }
  return {};
}

}  // namespace usher
