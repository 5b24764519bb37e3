// Documents made from the table of keys: the shipped usher.toml, and the reference part of usher.toml(5).
#pragma once

#include <string>
#include <vector>

namespace usher {

// One row of the table as text.
struct KeyText {
  std::string name;
  std::string shape;   // "a whole number from 1 to 20"
  std::string preset;  // the default, or for a required key an example; as written in a file
  bool required = false;
  std::string help;
  std::vector<KeyText> members;  // of a key that is a table
};

struct SectionText {
  std::string name;
  std::string heading;
  std::string help;
  std::vector<KeyText> keys;
};

// In the order of the table; a section that stands within another's key is only there.
std::vector<SectionText> configuration_keys();

// A configuration that is good as it stands: one listener, one pool; every other key is there as a comment, with its
// default.
std::string sample_configuration();

// In the language of scdoc(5).
std::string key_reference();

}  // namespace usher
