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

void Statistics::go_on_from(const std::vector<Statistic>& rows) {
  for (const Statistic& row : rows) {
    if (row.source != source_) continue;
    Statistic& figure = find(row.pool, row.key);
    figure.level = row.level;
    figure.since = row.since;
    figure.peak = std::max(figure.peak, row.peak);
    figure.area += row.area + (row.level ? row.value * std::max<std::int64_t>(wall_clock_ms() - row.at, 0) : 0);
    if (!row.level) figure.value += row.value;
  }
}

void Statistics::reset() {
  const std::int64_t now = wall_clock_ms();
  for (auto& [name, figure] : figures_) {
    if (!figure.level) figure.value = 0;
    figure.peak = figure.value;
    figure.area = 0;
    figure.since = figure.at = now;
  }
  changed_ = true;
}

std::vector<Statistic> Statistics::rows() {
  changed_ = false;
  std::vector<Statistic> rows;
  rows.reserve(figures_.size());
  for (const auto& [name, figure] : figures_) rows.push_back(figure);
  return rows;
}

}  // namespace usher
