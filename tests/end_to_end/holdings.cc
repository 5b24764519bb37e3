#include "tests/end_to_end/holdings.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/support/process_table.h"
#include "usher/data_queue.h"

namespace usher::testing {
namespace {

std::size_t ready_entries(const Installation& usher) {
  Library library(usher.directory().path("run/db/registry.db"));
  return library.queue("READY").describe().entries;
}

std::set<std::string> files_below(const std::string& directory) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.path().extension() != ".log") files.insert(entry.path());
  }
  return files;
}

Holdings holdings_now(const Installation& usher) {
  Holdings now;
  now.starter_descriptors = descriptors_of(usher.starter()).size();
  now.pool_descriptors = descriptors_of(usher.service("usher-pool")).size();
  now.listener_descriptors = descriptors_of(usher.service("usher-listener")).size();
  now.processes = descendants_of(usher.starter()).size();
  now.jobs = usher.jobs().size();
  now.ready_entries = ready_entries(usher);
  now.files = files_below(usher.directory().path("run"));
  now.files.merge(files_below(usher.directory().path("state")));
  return now;
}

// More clients than workers at one time: what is made when the first client has to wait, and kept, is there afterwards.
void rush(const Installation& usher) {
  std::vector<Client> clients;
  for (std::size_t i = 0; i < 2 * kSteadyWorkers; ++i) clients.emplace_back(usher.address());
  for (Client& client : clients) client.expect_line(100);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Holdings& holdings) {
  out << "descriptors of starter " << holdings.starter_descriptors << ", pool " << holdings.pool_descriptors
      << ", listener " << holdings.listener_descriptors << "; processes " << holdings.processes << ", jobs "
      << holdings.jobs << ", ready entries " << holdings.ready_entries << "; files";
  for (const std::string& file : holdings.files) out << " " << file;
  return out;
}

Holdings holdings_of(const Installation& usher, const Kept& kept) {
  rush(usher);
  Holdings now;
  const auto is_steady = [&] {
    if (!usher.is_calm(kept.workers)) return false;
    now = holdings_now(usher);
    return now.ready_entries == kept.queued && now.jobs == kept.workers + 2;
  };
  if (wait_until(is_steady)) return now;
  std::ostringstream text;
  text << "the installation does not calm down: " << holdings_now(usher) << "\n" << usher.log();
  throw std::runtime_error(text.str());
}

bool comes_back_to(const Installation& usher, const Holdings& before, const Kept& kept) {
  Holdings now;
  const auto is_back = [&] {
    if (!usher.is_calm(kept.workers)) return false;
    now = holdings_now(usher);
    return now == before;
  };
  if (wait_until(is_back)) return true;
  MESSAGE("before: " << before);
  MESSAGE("now:    " << now);
  return false;
}

}  // namespace usher::testing
