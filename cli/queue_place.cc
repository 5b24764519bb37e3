#include "cli/queue_place.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "cli/installation.h"

namespace usher {
namespace {

std::optional<std::string> library_variable() {
  const char* file = std::getenv("USHER_LIBRARY");
  return file != nullptr && *file != '\0' ? std::optional<std::string>(file) : std::nullopt;
}

// From here on the process has the rights of the service user, who owns what is there.
std::string state_libraries(const CommandLine& line) {
  const ServerConfig server = server_of(line.configuration());
  give_up_root(server);
  return server.state_directory + "/queues/";
}

std::string named_library(const CommandLine& line, const std::string& name) {
  if (name.empty() || name.front() == '.' || name.find('/') != name.npos) {
    throw UsageError("\"" + name + "\" is no name of a library");
  }
  return state_libraries(line) + name + ".db";
}

void check_named_once(const CommandLine& line) {
  if (line.has("library")) throw UsageError("--library and LIBRARY/ exclude each other");
}

}  // namespace

QueuePlace place_of(const CommandLine& line, const std::string& operand) {
  const std::size_t slash = operand.rfind('/');
  if (slash != operand.npos) {
    check_named_once(line);
    return {named_library(line, operand.substr(0, slash)), operand.substr(slash + 1)};
  }
  const auto file = line.has("library") ? line.value("library") : library_variable();
  if (!file) throw UsageError("which library? Give LIBRARY/" + operand + ", --library FILE or USHER_LIBRARY");
  return {*file, operand};
}

std::vector<std::string> libraries_of(const CommandLine& line, const std::optional<std::string>& operand) {
  if (operand) {
    check_named_once(line);
    return {named_library(line, *operand)};
  }
  if (line.has("library")) return {*line.value("library")};
  if (const auto file = library_variable()) return {*file};
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(state_libraries(line))) {
    if (entry.path().extension() == ".db") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace usher
