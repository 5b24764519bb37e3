#include "tests/bench/table.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>

namespace usher::bench {
namespace {

void print_cell(const std::string& text, std::size_t width, bool left) {
  std::cout << "| " << (left ? std::left : std::right) << std::setw(static_cast<int>(width)) << text << ' ';
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

}  // namespace

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths(rows_[0].size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row.at(i).size());
  }
  return widths;
}

void Table::print() const {
  const auto wide = widths();
  const auto print_row = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < wide.size(); ++i) print_cell(row[i], wide[i], i == 0);
    std::cout << "|\n";
  };
  print_row(rows_[0]);
  for (std::size_t i = 0; i < wide.size(); ++i) {
    std::cout << '|' << std::string(wide[i] + (i == 0 ? 2 : 1), '-') << (i == 0 ? "" : ":");
  }
  std::cout << "|\n";
  std::for_each(rows_.begin() + 1, rows_.end(), print_row);
  std::cout << std::endl;
}

std::string number(double value) {
  std::ostringstream text;
  const int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

void print_targets(const std::vector<Target>& targets) {
  for (const Target& target : targets) {
    const bool beside = target.theirs != 0;
    std::cout << "target: " << target.name << " | " << number(target.ours) << " | "
              << (beside ? number(target.theirs) : "-") << " | " << (beside ? number(target.ratio()) : "-") << " | "
              << (target.bound == Target::Bound::at_least ? ">= " : "<= ") << number(target.wanted) << " | "
              << (target.reached() ? "yes" : "NO") << '\n';
  }
  std::cout << std::endl;
}

void print_machine() {
  utsname system{};
  ::uname(&system);
  std::array<double, 1> load{};
  const bool known = ::getloadavg(load.data(), 1) == 1;
  std::cout << today() << ", " << ::sysconf(_SC_NPROCESSORS_ONLN) << " processors (" << processor() << "), "
            << system.sysname << ' ' << system.release << ", loopback, load before the run " << number(known ? load[0] : -1)
            << ".\n\n";
}

}  // namespace usher::bench
