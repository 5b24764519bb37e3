#include "base/configuration_faults.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace usher {

std::string FaultList::name_of(Place place) const {
  return printable(source_.files.at(place.file).path) + ":" + std::to_string(place.line);
}

void FaultList::add(Severity severity, Place place, std::string message, std::string remedy) {
  faults_.push_back(
      {severity, source_.files.at(place.file).path, place.line, place.column, std::move(message), std::move(remedy)});
}

void sort_faults(const ConfigurationSource& source, std::vector<Fault>& faults) {
  const auto order = [&](const Fault& fault) {
    const auto is_file = [&](const ConfigurationSource::File& file) { return file.path == fault.file; };
    const auto found = std::find_if(source.files.begin(), source.files.end(), is_file);
    return std::tuple(found - source.files.begin(), fault.line, fault.column);
  };
  std::stable_sort(faults.begin(), faults.end(),
                   [&](const Fault& one, const Fault& other) { return order(one) < order(other); });
}

std::string quoted(std::string_view value) {
  constexpr std::size_t kMaxShown = 60;
  const std::string_view cut = cut_utf8(value, kMaxShown);
  return '"' + printable(cut) + (cut.size() < value.size() ? "...\"" : "\"");
}

std::string listener_label(std::string_view name, std::size_t index) {
  return "listener " + (name.empty() ? std::to_string(index + 1) : quoted(name));
}

Place Places::of(std::string_view path) const {
  while (true) {
    const auto found = places_.find(path);
    if (found != places_.end()) return found->second.place;
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos) return {};
    path = path.substr(0, slash);
  }
}

bool Places::good(std::string_view path) const {
  const auto found = places_.find(path);
  return found == places_.end() || found->second.good;
}

}  // namespace usher
