// Memory in common: given back where it is as it was, kept where it is not, and nobody's to write for others.
#include "base/common_memory.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>

#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/support/skip.h"

using namespace usher;

namespace {

constexpr std::size_t kPages = 6;

std::size_t page_size() { return static_cast<std::size_t>(::getpagesize()); }

char* map_pages() {
  void* const room = ::mmap(nullptr, kPages * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(room != MAP_FAILED);
  return static_cast<char*>(room);
}

// Is this page one that no other process can have? Bit 61 of an entry tells a page of a file, or a shared one.
// Source: Linux, Documentation/admin-guide/mm/pagemap.rst.
bool is_its_own(const char* page) {
  const UniqueFd map(check(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), "open the map of pages"));
  std::uint64_t entry = 0;
  const auto place = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(page) / page_size() * sizeof entry);
  check(::pread(map.get(), &entry, sizeof entry, place), "read the map of pages");
  const bool present = (entry >> 63U) != 0;
  const bool of_a_file = ((entry >> 61U) & 1U) != 0;
  return present && !of_a_file;
}

// What a process can keep but once, each test does in a child.
bool holds_in_a_child(const std::function<bool()>& claim) {
  const pid_t child = check(::fork(), "fork");
  if (child == 0) _exit(claim() ? 0 : 1);
  int status = 0;
  check(::waitpid(child, &status, 0), "waitpid");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("common memory: is what it was, in this process and in its children") {
  CHECK(holds_in_a_child([] {
    char* const memory = map_pages();
    for (std::size_t i = 0; i < kPages; ++i) memory[i * page_size() + i] = static_cast<char>('a' + i);
    keep_common_memory({{memory, 2 * page_size()}, {memory + 3 * page_size(), 3 * page_size()}});
    const auto is_as_it_was = [&] {
      for (std::size_t i = 0; i < kPages; ++i) {
        if (memory[i * page_size() + i] != static_cast<char>('a' + i)) return false;
      }
      return true;
    };
    return is_as_it_was() && holds_in_a_child(is_as_it_was);
  }));
}

TEST_CASE("common memory: a page that is as it was is given back, another is not") {
  CHECK(holds_in_a_child([] {
    char* const memory = map_pages();
    std::fill_n(memory, kPages * page_size(), 'x');
    keep_common_memory({{memory, kPages * page_size()}});
    return holds_in_a_child([&] {
      volatile char* const written = memory;
      for (const std::size_t page : {0U, 1U, 2U, 5U}) written[page * page_size()] = 'y';
      for (const std::size_t page : {0U, 2U}) written[page * page_size()] = 'x';
      const auto own = [&](std::size_t page) { return is_its_own(memory + page * page_size()); };
      const bool before = own(0) && own(1) && own(2) && own(5);
      give_common_memory_back();
      const bool after = !own(0) && own(1) && !own(2) && own(5);
      const auto count = std::count(memory, memory + kPages * page_size(), 'y');
      return before && after && count == 2 && memory[page_size()] == 'y' && memory[5 * page_size()] == 'y';
    });
  }));
}

TEST_CASE("common memory: what a child writes neither its parent nor its siblings see, nor can it write what they have") {
  CHECK(holds_in_a_child([] {
    char* const memory = map_pages();
    keep_common_memory({{memory, kPages * page_size()}});
    const bool written = holds_in_a_child([&] {
      std::fill_n(memory, kPages * page_size(), 'z');
      // The file's view, too, is a private one: making it writable changes nothing for others.
      std::ifstream maps("/proc/self/maps");
      for (std::string line; std::getline(maps, line);) {
        if (line.find("r--p") == std::string::npos || line.find("usher-common") == std::string::npos) continue;
        auto* const view = reinterpret_cast<char*>(std::stoull(line, nullptr, 16));  // NOLINT: an address
        if (::mprotect(view, page_size(), PROT_READ | PROT_WRITE) == 0) *view = 'z';
        return true;
      }
      return false;
    });
    const auto none = [&] { return std::count(memory, memory + kPages * page_size(), 'z') == 0; };
    return written && none() && holds_in_a_child([&] {
             volatile char* const touched = memory;
             *touched = 'q';
             *touched = 0;
             give_common_memory_back();
             return none() && !is_its_own(memory);
           });
  }));
}

TEST_CASE("common memory: nothing kept, nothing given back") {
  CHECK(holds_in_a_child([] {
    give_common_memory_back();
    return true;
  }));
}
