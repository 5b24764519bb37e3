// Do two samples come from the same distribution?
//
// Model:  each function gives p: how often chance alone makes two samples of one distribution differ at least as much as these.
// Source: the large-sample forms of the Kolmogorov-Smirnov test (any difference) and of the Mann-Whitney test (one tends to be
//         larger); good from some dozens of values on.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace usher::bench {

inline double kolmogorov_smirnov(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const auto share_up_to = [](const std::vector<double>& values, double x) {
    const auto above = std::upper_bound(values.begin(), values.end(), x);
    return static_cast<double>(above - values.begin()) / static_cast<double>(values.size());
  };
  double distance = 0;
  for (const auto* sample : {&a, &b}) {
    for (const double x : *sample) distance = std::max(distance, std::abs(share_up_to(a, x) - share_up_to(b, x)));
  }
  const double size = std::sqrt(static_cast<double>(a.size() * b.size()) / static_cast<double>(a.size() + b.size()));
  const double scaled = (size + 0.12 + 0.11 / size) * distance;
  if (scaled < 0.2) return 1;  // the sum converges too slowly there
  double sum = 0;
  for (int k = 1; k <= 100; ++k) sum += (k % 2 == 1 ? 2 : -2) * std::exp(-2.0 * k * k * scaled * scaled);
  return std::clamp(sum, 0.0, 1.0);
}

// Ties count half for each; their effect on the variance is left out, so that p is too large by a little where there are many.
inline double mann_whitney(const std::vector<double>& a, std::vector<double> b) {
  std::sort(b.begin(), b.end());
  double larger = 0;
  for (const double x : a) {
    const auto [first, last] = std::equal_range(b.begin(), b.end(), x);
    larger += static_cast<double>(first - b.begin()) + static_cast<double>(last - first) / 2;
  }
  const auto m = static_cast<double>(a.size());
  const auto n = static_cast<double>(b.size());
  const double deviation = (larger - m * n / 2) / std::sqrt(m * n * (m + n + 1) / 12);
  return std::erfc(std::abs(deviation) / std::sqrt(2.0));
}

}  // namespace usher::bench
