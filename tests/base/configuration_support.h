// Configurations as texts, and their faults as lines, for the tests of this folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/configuration.h"

namespace usher::testing {

// A configuration without a fault; what a test puts before or after it is all that can be wrong.
inline constexpr std::string_view kGood =
    "[[listener]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\npool = \"workers\"\n"
    "[pool.workers]\n"
    "[program.cat]\ncommand = [\"/bin/cat\"]\nusers = [\"*\"]\n";

inline ConfigurationSource source_of(std::string_view text, std::string_view programs = {}) {
  ConfigurationSource source;
  source.files.push_back({"usher.toml", std::string(text)});
  if (!programs.empty()) source.files.push_back({"programs.d/p.toml", std::string(programs)});
  return source;
}

inline std::vector<std::string> lines_of(const std::vector<Fault>& faults) {
  std::vector<std::string> lines;
  lines.reserve(faults.size());
  for (const Fault& fault : faults) lines.push_back(fault.text());
  return lines;
}

// The faults as lines, without the warning that a program is for nobody: most tests leave its users out.
inline std::string faults_of(const ConfigurationSource& source) {
  std::string all;
  for (const std::string& line : lines_of(parse_configuration(source).faults)) {
    if (line.find("names no users and no groups") == std::string::npos) all += line + "\n";
  }
  return all;
}

// Those of `text` followed by a good configuration.
inline std::string faults_before_good(const std::string& text) {
  return faults_of(source_of(text + "\n" + std::string(kGood)));
}

}  // namespace usher::testing
