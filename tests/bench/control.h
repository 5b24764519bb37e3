// Whether the run is worth anything: a loop that needs nothing but a processor has to run N times as fast on N of them. Where it
// does not, somebody else had them, and no ratio of the run means anything.
//
// Why not PAM itself: it maps and unmaps its modules, and some virtual machines change one address space at a time.
#pragma once

#include <chrono>
#include <vector>

namespace usher::bench {

unsigned processors();

class Control {
 public:
  // Takes twice `time`: one process, then as many as there are processors. To be called in every round.
  void measure(std::chrono::milliseconds time);
  // How many times as fast all processors were together as one, over their number: the median of what was measured.
  double share() const;
  // In a paragraph on standard output.
  void print() const;
  bool disturbed() const { return !shares_.empty() && share() < kLeast; }

 private:
  static constexpr double kLeast = 0.8;
  std::vector<double> shares_;
};

}  // namespace usher::bench
