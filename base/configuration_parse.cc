#include "base/configuration_parse.h"

#include <algorithm>
#include <array>

#include "base/configuration_screen.h"
#include "base/configuration_section.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr std::size_t kMaxSections = 10'000;  // of one kind: their numbers travel in 16 bits

class Parser {
 public:
  explicit Parser(const ConfigurationSource& source) : source_(source), faults_(source) {}

  ParsedConfiguration run() {
    configuration_.server = server_presets();
    configuration_.limits = presets<LimitsConfig>(table::kClientLimitKeys);
    configuration_.reserved = presets<ReservedConfig>(table::kReservedKeys);
    for (std::size_t file = 0; file < source_.files.size(); ++file) read_file(file);
    sort_by_name(configuration_.pools);
    sort_by_name(configuration_.programs);
    if (!source_.files.empty()) check_references(configuration_, places_, complete_ && source_.complete, faults_);
    const bool server_known = main_file_whole_ || places_.knows(table::kServer.name);
    ParsedConfiguration parsed{std::move(configuration_), faults_.take(), std::move(places_), server_known};
    sort_faults(source_, parsed.faults);
    return parsed;
  }

 private:
  // The directories depend on who read the files: they come with the bytes.
  ServerConfig server_presets() const {
    ServerConfig server = presets<ServerConfig>(table::kServerKeys);
    if (!source_.runtime_directory.empty()) server.runtime_directory = source_.runtime_directory;
    if (!source_.state_directory.empty()) server.state_directory = source_.state_directory;
    return server;
  }

  void read_file(std::size_t file) {
    const std::string& text = source_.files[file].text;
    if (const auto unreadable = screen_text(text)) {
      refuse_file({file, unreadable->line, unreadable->column}, unreadable->message, unreadable->remedy);
      return;
    }
    try {
      read_document(toml::parse(std::string_view(text)), file);
    } catch (const toml::parse_error& error) {
      const Place place = Findings{faults_, places_, file}.at(error.source().begin);
      refuse_syntax(place, error.description());
      read_sections_above(text, place);
    }
  }

  // Sections that end above a fault are whole: their own faults are told too, and [server] says where Usher runs.
  void read_sections_above(std::string_view text, Place fault) {
    toml::table sections;
    try {
      sections = toml::parse(text.substr(0, start_of_section(text, fault.line)));
    } catch (const toml::parse_error&) {
      return;  // it was no heading but a line of a longer value
    }
    read_document(sections, fault.file);
  }

  // Where the section begins that has this line: at its heading; 0 when none stands above.
  static std::size_t start_of_section(std::string_view text, std::uint32_t line) {
    std::size_t start = 0;
    std::size_t at = 0;
    for (std::uint32_t number = 1; number <= line && at != text.npos; ++number) {
      const std::size_t first = text.find_first_not_of(" \t", at);
      if (first != text.npos && text[first] == '[') start = at;
      at = text.find('\n', at);
      if (at != text.npos) ++at;
    }
    return start;
  }

  // "Error while parsing table header: cannot redefine existing table 'pool.a'" and the like.
  void refuse_syntax(Place place, std::string_view description) {
    constexpr std::string_view kPrefix = "Error while parsing ";
    const bool twice = description.find("redefine") != description.npos;
    if (description.starts_with(kPrefix)) description.remove_prefix(kPrefix.size());
    refuse_file(place, "not valid TOML: " + printable(description),
                twice ? "remove one of the two, or give it another name"
                      : "see to quotes and brackets: texts, durations and sizes stand in quotes");
  }

  void refuse_file(Place place, std::string message, std::string remedy) {
    faults_.error(place, std::move(message), std::move(remedy));
    complete_ = false;
    if (place.file == 0) main_file_whole_ = false;
  }

  void read_document(const toml::table& document, std::size_t file) {
    const Findings findings{faults_, places_, file};
    for (auto&& [key, node] : document) {
      const Place place = findings.at(key.source().begin);
      if (key == table::kProgram.name) {
        read_programs(node, findings, place);
      } else if (!is_section(key.str())) {
        refuse_unknown(key.str(), place);
      } else if (file != 0) {
        faults_.error(place, "a file of programs.d has a section " + quoted(key.str()),
                      "move it to " + printable(source_.files[0].path) + "; only [program.NAME] stands here");
      } else {
        read_section(key.str(), node, findings, place);
      }
    }
  }

  static bool is_section(std::string_view name) {
    return name == table::kServer.name || name == table::kClientLimits.name || name == table::kReserved.name ||
           name == table::kListener.name || name == table::kPool.name;
  }

  void refuse_unknown(std::string_view name, Place place) {
    std::string remedy = "write one of [server], [limits], [reserved], [[listener]], [pool.NAME] and [program.NAME]";
    const std::vector<const table::Section*> sections{&table::kServer,   &table::kClientLimits, &table::kReserved,
                                                      &table::kListener, &table::kPool,         &table::kProgram};
    for (const table::Section* section : sections) {
      if (!nearest(name, {section->name}).empty()) remedy = "did you mean " + std::string(section->heading) + "?";
    }
    faults_.error(place, "there is no section " + quoted(name), remedy);
  }

  void read_section(std::string_view name, const toml::node& node, const Findings& findings, Place place) {
    if (name == table::kServer.name) read_server(node, findings, place);
    if (name == table::kClientLimits.name) read_one(node, findings, place, name, table::kClientLimitKeys, configuration_.limits);
    if (name == table::kReserved.name) read_one(node, findings, place, name, table::kReservedKeys, configuration_.reserved);
    if (name == table::kListener.name) read_listeners(node, findings, place);
    if (name == table::kPool.name) read_pools(node, findings, place);
  }

  void read_server(const toml::node& node, const Findings& findings, Place place) {
    const ServerConfig before = configuration_.server;
    const toml::table* from = read_one(node, findings, place, "server", table::kServerKeys, configuration_.server);
    if (from == nullptr) return;
    if (!from->contains("runtime_directory")) configuration_.server.runtime_directory = before.runtime_directory;
    if (!from->contains("state_directory")) configuration_.server.state_directory = before.state_directory;
  }

  // A section that is there once: its table, or none.
  template <class Keys, class Section>
  const toml::table* read_one(const toml::node& node, const Findings& findings, Place place, std::string_view name,
                              const Keys& keys, Section& into) {
    const std::string heading = "[" + std::string(name) + "]";
    const toml::table* from = node.as_table();
    if (from == nullptr) {
      refuse_form(place, name, node, "write " + heading + " on a line of its own, and its keys below");
      return nullptr;
    }
    SectionReader(*from, std::string(name), heading, findings).read(keys, into);
    return from;
  }

  void read_listeners(const toml::node& node, const Findings& findings, Place place) {
    const std::string remedy = "write [[listener]] on a line of its own, and its keys below";
    const toml::array* list = node.as_array();
    if (list == nullptr) {
      refuse_form(place, "listener", node, remedy);
      return;
    }
    for (const toml::node& element : *list) {
      if (const toml::table* from = element.as_table()) {
        read_listener(*from, findings);
      } else {
        refuse_form(findings.at(element.source().begin), "a listener", element, remedy);
      }
    }
  }

  void read_listener(const toml::table& from, const Findings& findings) {
    const std::size_t index = configuration_.listeners.size();
    if (!has_room(index, findings.at(from.source().begin))) return;
    const auto name = from["name"].value_exact<std::string>();
    const std::string label = listener_label(name.value_or(""), index);
    SectionReader reader(from, "listener/" + std::to_string(index), label, findings);
    ListenerConfig& listener = configuration_.listeners.emplace_back();
    reader.read(table::kListenerKeys, listener);
    if (!listener.is_public()) return reader.demand("pool", "pool = \"generic\"");
    reader.demand("program", "program = \"time\"");
    reader.demand("user", "user = \"nobody\"");
  }

  void read_pools(const toml::node& node, const Findings& findings, Place place) {
    read_named(node, findings, place, table::kPool, kServiceName, table::kPoolKeys, configuration_.pools);
  }
  void read_programs(const toml::node& node, const Findings& findings, Place place) {
    read_named(node, findings, place, table::kProgram, kName, table::kProgramKeys, configuration_.programs);
  }

  // Sections whose names stand in their headings: [pool.NAME], [program.NAME].
  template <class Keys, class Section>
  void read_named(const toml::node& node, const Findings& findings, Place place, const table::Section& kind,
                  const TextRule& rule, const Keys& keys, std::vector<Section>& into) {
    const std::string remedy = "write " + std::string(kind.heading) + " on a line of its own, and its keys below";
    const toml::table* sections = node.as_table();
    if (sections == nullptr) {
      refuse_form(place, kind.name, node, remedy);
      return;
    }
    for (auto&& [key, element] : *sections) {
      const std::string label = std::string(kind.name) + " " + quoted(key.str());
      const toml::table* from = element.as_table();
      if (from == nullptr) {
        refuse_form(findings.at(key.source().begin), label, element, remedy);
      } else if (accept_name(label, key, rule, kind, findings, into.size())) {
        Section& section = into.emplace_back();
        section.name = key.str();
        SectionReader(*from, path_of(kind, key.str()), label, findings).read(keys, section);
      }
    }
  }

  bool accept_name(const std::string& label, const toml::key& key, const TextRule& rule, const table::Section& kind,
                   const Findings& findings, std::size_t count) {
    const Place place = findings.at(key.source().begin);
    const std::string_view objection = rule.objection(key.str());
    const std::string path = path_of(kind, key.str());
    if (!objection.empty()) {
      faults_.error(place, label + " has a name which " + std::string(objection), "write " + std::string(rule.shape));
    } else if (places_.knows(path)) {
      faults_.error(place, label + " is there twice, first at " + faults_.name_of(places_.of(path)),
                    "give one of them another name");
    } else {
      return has_room(count, place);
    }
    return false;
  }

  bool has_room(std::size_t count, Place place) {
    if (count == kMaxSections) faults_.error(place, "there are more than 10000 sections of this kind", "remove some");
    return count < kMaxSections;
  }

  void refuse_form(Place place, std::string_view what, const toml::node& node, const std::string& remedy) {
    faults_.error(place, std::string(what) + " is " + std::string(type_words(node)), remedy);
  }

  static std::string path_of(const table::Section& kind, std::string_view name) {
    return std::string(kind.name) + "/" + std::string(name);
  }

  template <class Section>
  static void sort_by_name(std::vector<Section>& sections) {
    std::sort(sections.begin(), sections.end(),
              [](const Section& one, const Section& other) { return one.name < other.name; });
  }

  const ConfigurationSource& source_;
  FaultList faults_;
  Places places_;
  Configuration configuration_;
  bool complete_ = true;
  bool main_file_whole_ = true;  // usher.toml
};

}  // namespace

ParsedConfiguration parse_with_places(const ConfigurationSource& source) {
  return Parser(source).run();
}

ConfigurationResult parse_configuration(const ConfigurationSource& source) {
  ParsedConfiguration parsed = parse_with_places(source);
  return {std::move(parsed.configuration), std::move(parsed.faults)};
}

Configuration sealed_configuration(int fd) {
  auto result = parse_configuration(unseal_configuration(fd));
  if (!result.ok()) throw Error(ErrorCode::configuration, "the configuration has faults");
  return std::move(result.configuration);
}

}  // namespace usher
