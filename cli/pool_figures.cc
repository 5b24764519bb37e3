#include "cli/pool_figures.h"

#include <array>
#include <cstdio>
#include <map>

#include "base/clock.h"
#include "jobs/registry.h"

namespace usher {
namespace {

std::string decimal(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

void add(std::vector<Fact>& facts, const std::string& pool, const std::string& key, const std::string& value) {
  facts.push_back({"pool", pool, key, value});
}

// The mean of a wait, out of its sum and its number.
void add_mean_wait(std::vector<Fact>& facts, const std::map<std::string, std::map<std::string, std::int64_t>>& counts) {
  for (const auto& [pool, of_pool] : counts) {
    const auto sum = of_pool.find("waited_ms");
    const auto number = of_pool.find("accepted");
    if (sum == of_pool.end() || number == of_pool.end() || number->second == 0) continue;
    add(facts, pool, "wait_average_ms", decimal(static_cast<double>(sum->second) / static_cast<double>(number->second)));
  }
}

}  // namespace

std::vector<Fact> pool_figures(const ServerConfig& server) {
  std::vector<Fact> facts;
  std::map<std::string, std::map<std::string, std::int64_t>> counts;
  const std::int64_t now = wall_clock_ms();
  for (const Statistic& figure : Registry(server.runtime_directory, Registry::Open::existing).statistics()) {
    counts[figure.pool][figure.key] = figure.value;
    if (figure.key != "workers" && figure.key != "waited_ms") add(facts, figure.pool, figure.key, std::to_string(figure.value));
    if (!figure.level) continue;
    add(facts, figure.pool, figure.key + "_average", decimal(figure.average(now)));
    add(facts, figure.pool, figure.key + "_peak", std::to_string(figure.peak));
  }
  add_mean_wait(facts, counts);
  return facts;
}

}  // namespace usher
