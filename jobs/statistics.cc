#include "jobs/statistics.h"

#include <algorithm>

#include "base/clock.h"

namespace usher {

double Statistic::average(std::int64_t now) const {
  const std::int64_t time = std::max<std::int64_t>(now - since, 1);
  return static_cast<double>(area + value * std::max<std::int64_t>(now - at, 0)) / static_cast<double>(time);
}

Statistic& Statistics::find(const std::string& pool, const std::string& key) {
  Statistic& figure = figures_[{pool, key}];
  if (!figure.key.empty()) return figure;
  figure.source = source_;
  figure.pool = pool;
  figure.key = key;
  figure.since = figure.at = wall_clock_ms();
  changed_ = true;
  return figure;
}

void Statistics::set(const std::string& pool, const std::string& key, std::int64_t value) {
  Statistic& figure = find(pool, key);
  figure.level = true;
  if (figure.value == value) return;
  const std::int64_t now = wall_clock_ms();
  figure.area += figure.value * std::max<std::int64_t>(now - figure.at, 0);
  figure.at = now;
  figure.value = value;
  figure.peak = std::max(figure.peak, value);
  changed_ = true;
}

void Statistics::change(const std::string& pool, const std::string& key, std::int64_t by) {
  set(pool, key, find(pool, key).value + by);
}

void Statistics::count(const std::string& pool, const std::string& key, std::int64_t by) {
  find(pool, key).value += by;
  changed_ = changed_ || by != 0;
}

std::vector<Statistic> Statistics::rows() {
  changed_ = false;
  std::vector<Statistic> rows;
  rows.reserve(figures_.size());
  for (const auto& [name, figure] : figures_) rows.push_back(figure);
  return rows;
}

}  // namespace usher
