// Faults while they are collected: each at its place, told in the order of the files at the end; and where every key
// stood, for checks that look at several keys or at the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/configuration.h"

namespace usher {

// Shape: `file` is an index into ConfigurationSource::files; line and column count from 1, 0 when unknown.
struct Place {
  std::size_t file = 0;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

class FaultList {
 public:
  explicit FaultList(const ConfigurationSource& source) : source_(source) {}

  void error(Place place, std::string message, std::string remedy) {
    add(Severity::error, place, std::move(message), std::move(remedy));
  }
  void warning(Place place, std::string message, std::string remedy) {
    add(Severity::warning, place, std::move(message), std::move(remedy));
  }
  std::vector<Fault> take() { return std::move(faults_); }
  // "FILE:LINE", for a fault that tells of another place.
  std::string name_of(Place place) const;

 private:
  void add(Severity severity, Place place, std::string message, std::string remedy);

  const ConfigurationSource& source_;
  std::vector<Fault> faults_;
};

// In the order of the files of `source`, then by line and column; faults of other files come last.
void sort_faults(const ConfigurationSource& source, std::vector<Fault>& faults);

// A value as a fault shows it: in quotes, printable, cut after 60 bytes.
std::string quoted(std::string_view value);

// `listener "generic"`, or by its number when it has no name.
std::string listener_label(std::string_view name, std::size_t index);

// Where the keys of a configuration stand.
// Shape: a path is "server/user", "listener/0/address" (counted through all files), "program/echo/limits/memory".
class Places {
 public:
  void put(const std::string& path, Place place) { places_[path] = {place, true}; }
  void refuse(const std::string& path) { places_[path].good = false; }

  bool knows(std::string_view path) const { return places_.find(path) != places_.end(); }
  // The key's place; where it is not given, that of the section it belongs to.
  Place of(std::string_view path) const;
  // False when the key is there with a value that was refused: other checks then stay silent about it.
  bool good(std::string_view path) const;

 private:
  struct Entry {
    Place place;
    bool good = true;
  };
  std::map<std::string, Entry, std::less<>> places_;
};

}  // namespace usher
