// What is said of many measurements.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace usher::bench {

// Shape: `share` is 0..1; 0 for no values. The nearest rank: a value that was really measured.
inline double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const double rank = std::ceil(share * static_cast<double>(values.size())) - 1;
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 0.0));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

inline double median(const std::vector<double>& values) { return percentile(values, 0.5); }

}  // namespace usher::bench
