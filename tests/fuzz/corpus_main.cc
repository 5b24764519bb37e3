// The main of a harness that is built without libFuzzer: runs the empty input, and each file of the directory given.
#include <filesystem>
#include <iostream>
#include <set>

#include "tests/fuzz/fuzz.h"
#include "tests/support/temporary_directory.h"

namespace {

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " DIRECTORY\n";
    return 2;
  }
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) files.insert(entry.path());
  run("");
  for (const auto& file : files) {
    std::cout << file.string() << std::endl;  // NOLINT(performance-avoid-endl): the last one is the culprit
    run(usher::testing::read_file(file.string()));
  }
  return files.empty() ? 1 : 0;
}
