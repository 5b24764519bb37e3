// usher-config-reference: documents from the table of keys, for the build.
//
//   usher-config-reference --sample      the text of etc/usher.toml
//   usher-config-reference TEMPLATE      TEMPLATE with the reference of all keys in the place of the line @REFERENCE@
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "base/configuration_manual.h"

namespace {

void print_manual(const char* path) {
  std::ifstream page(path);
  if (!page) throw std::runtime_error(std::string("cannot open ") + path);
  for (std::string line; std::getline(page, line);) {
    std::cout << (line == "@REFERENCE@" ? usher::key_reference() : line + "\n");
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: usher-config-reference --sample | TEMPLATE\n";
    return 2;
  }
  try {
    if (std::string_view(arguments[1]) == "--sample") {
      std::cout << usher::sample_configuration();
    } else {
      print_manual(arguments[1]);
    }
    return std::cout.flush() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "usher-config-reference: " << error.what() << "\n";
    return 1;
  }
}
