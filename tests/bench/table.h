// Tables of text as a terminal and Markdown both show them.
//
//   Table table({"server", "sessions/s"});
//   table.add({"sshd", number(94.2)});
//   table.print();
#pragma once

#include <string>
#include <vector>

namespace usher::bench {

class Table {
 public:
  explicit Table(std::vector<std::string> heads) : rows_{std::move(heads)} {}

  // Shape: as many cells as there are heads.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // On standard output; the first column stands left, the others right.
  void print() const;

 private:
  std::vector<std::size_t> widths() const;

  std::vector<std::vector<std::string>> rows_;
};

// Three digits that count: 0.123, 12.3, 1234.
std::string number(double value);

// One thing that is to be reached, as a line that scripts/bench finds again: "target: NAME | OURS | THEIRS | RATIO | WANTED | yes".
struct Target {
  std::string name;
  double ours = 0;
  double theirs = 0;
  enum class Bound { at_least, at_most } bound = Bound::at_least;
  double wanted = 0;  // of ours/theirs; of ours itself when there is nothing beside it

  double ratio() const { return theirs == 0 ? ours : ours / theirs; }
  bool reached() const { return bound == Bound::at_least ? ratio() >= wanted : ratio() <= wanted; }
};
void print_targets(const std::vector<Target>& targets);

// What a reader has to know of the machine: processor, kernel, load, date. As a paragraph on standard output.
void print_machine();

}  // namespace usher::bench
