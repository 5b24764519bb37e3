#include "base/configuration_manual.h"

#include "base/configuration_table.h"

namespace usher {
namespace {

constexpr std::size_t kWidth = 110;

template <class Keys>
std::vector<KeyText> texts_of(const Keys& keys);

template <class Kind>
std::vector<KeyText> members_of(const Kind&) {
  return {};
}
template <class Rows>
std::vector<KeyText> members_of(const Group<Rows>& kind) {
  return texts_of(kind.keys);
}

// "{ open_files = 1024, ... }" for a table of which every key has its default.
std::string inline_table(const std::vector<KeyText>& members) {
  std::string table;
  for (const KeyText& member : members) {
    table += std::string(table.empty() ? "{ " : ", ").append(member.name).append(" = ").append(member.preset);
  }
  return table + " }";
}

template <class Keys>
std::vector<KeyText> texts_of(const Keys& keys) {
  std::vector<KeyText> texts;
  table::for_each_key(keys, [&](const auto& key) {
    KeyText text{std::string(key.name), shape_of(key.kind),    std::string(key.preset.text),
                 key.preset.required,   std::string(key.help), members_of(key.kind)};
    if (!text.members.empty()) text.preset = inline_table(text.members);
    texts.push_back(std::move(text));
  });
  return texts;
}

// Broken at blanks into lines of at most kWidth, each after `start`.
std::string paragraph(const std::string& text, const std::string& start) {
  std::string lines;
  std::string line = start;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (line.size() + 1 + word.size() > kWidth && line != start) {
      lines += line + "\n";
      line = start;
    }
    line += (line == start ? "" : " ") + word;
    at = end + 1;
  }
  return lines + line + "\n";
}

std::string sample_key(const KeyText& key, bool commented) {
  std::string text = paragraph(key.help, "# ");
  for (const KeyText& member : key.members) text += paragraph(member.name + ": " + member.help, "#   ");
  return text + (commented ? "#" : "") + key.name + " = " + key.preset + "\n";
}

// Where a heading has a name in it, the sample's is "generic"; programs have files of their own, so theirs is a
// comment.
std::string sample_section(const SectionText& section) {
  const bool program = section.name == table::kProgram.name;
  std::string heading = section.heading;
  const std::size_t name = heading.find("NAME");
  if (!program && name != heading.npos) heading.replace(name, 4, "generic");
  std::string text = "\n" + paragraph(section.help, "# ") + (program ? "#" : "") + heading + "\n";
  for (const KeyText& key : section.keys) text += sample_key(key, program || !key.required);
  return text;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '*' || c == '_' || c == '`') out += '\\';
    out += c;
  }
  return out;
}

std::string reference_key(const KeyText& key, const std::string& indent) {
  const std::string given = key.required ? "must be given; for example " : "default ";
  std::string text = indent + "*" + key.name + "* (" + given + escaped(key.preset) + ")\n";
  text += indent + "\t" + escaped(key.help) + " Takes " + escaped(key.shape) + ".\n\n";
  for (const KeyText& member : key.members) text += reference_key(member, indent + "\t");
  return text;
}

}  // namespace

std::vector<SectionText> configuration_keys() {
  std::vector<SectionText> sections;
  table::for_each_section([&](const table::Section& section, const auto& keys) {
    if (section.heading == table::kLimits.heading || section.name == table::kTls.name) return;
    sections.push_back(
        {std::string(section.name), std::string(section.heading), std::string(section.help), texts_of(keys)});
  });
  return sections;
}

std::string sample_configuration() {
  std::string text =
      "# The configuration of Usher: usher.toml(5). Programs stand in files of their own in programs.d beside this "
      "one.\n"
      "# `usher check` finds mistakes; `usher reload` brings changes into force. A key that is a comment shows its "
      "default.\n";
  for (const SectionText& section : configuration_keys()) text += sample_section(section);
  return text;
}

std::string key_reference() {
  std::string text;
  for (const SectionText& section : configuration_keys()) {
    text += "## " + section.heading + "\n\n" + escaped(section.help) + "\n\n";
    for (const KeyText& key : section.keys) text += reference_key(key, "");
  }
  return text;
}

}  // namespace usher
