// usher-config-reference: documents from the table of keys, for the build.
//
//   usher-config-reference --sample      the text of etc/usher.toml
//   usher-config-reference PAGE          a page for scdoc: the reference of all keys stands in the place of the line
//                                        @REFERENCE@, and tabs in the place of four blanks, as scdoc wants to be
//                                        indented
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "base/configuration_manual.h"

namespace {

std::string with_tabs(std::string_view line) {
  constexpr std::string_view kIndent = "    ";
  std::string tabs;
  for (; line.starts_with(kIndent); line.remove_prefix(kIndent.size())) tabs += '\t';
  return tabs + std::string(line);
}

void print_page(const char* path) {
  std::ifstream page(path);
  if (!page) throw std::runtime_error(std::string("cannot open ") + path);
  for (std::string line; std::getline(page, line);) {
    std::cout << (line == "@REFERENCE@" ? usher::key_reference() : with_tabs(line) + "\n");
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: usher-config-reference --sample | PAGE\n";
    return 2;
  }
  try {
    if (std::string_view(arguments[1]) == "--sample") {
      std::cout << usher::sample_configuration();
    } else {
      print_page(arguments[1]);
    }
    return std::cout.flush() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "usher-config-reference: " << error.what() << "\n";
    return 1;
  }
}
