// Code on large pages: the same bytes with the same rights on other memory, or else nothing is changed.
#include "base/large_pages.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/support/large_pages.h"
#include "tests/support/skip.h"

using namespace usher;
using testing::kLargePage;

namespace {

constexpr std::size_t kCode = kLargePage / 2 + std::size_t{3} * 4096;

std::string some_code() {
  std::string code(kCode, '\0');
  for (std::size_t i = 0; i < kCode; ++i) code[i] = static_cast<char>(i / 4096 + i);
  return code;
}

std::size_t address_of(const void* place) { return reinterpret_cast<std::uintptr_t>(place); }

// A file mapped as code is, so far behind the begin of a large page, with nothing of ours behind it.
class MappedCode {
 public:
  explicit MappedCode(std::size_t offset = 0) : file_(check(::memfd_create("code", MFD_CLOEXEC), "make a file")) {
    check(::ftruncate(file_.get(), kCode), "size the file");
    check(::pwrite(file_.get(), content_.data(), content_.size(), 0), "write the code");
    void* const room = ::mmap(nullptr, kRoom, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(room != MAP_FAILED);
    char* const aligned = static_cast<char*>(room) + (kLargePage - address_of(room) % kLargePage);
    begin_ = aligned + offset;
    REQUIRE(::mmap(begin_, kCode, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file_.get(), 0) == begin_);
    end_of_room_ = static_cast<char*>(room) + kRoom;
    check(::munmap(begin_ + kCode, static_cast<std::size_t>(end_of_room_ - begin_) - kCode), "make room behind it");
  }
  MappedCode(const MappedCode&) = delete;
  MappedCode& operator=(const MappedCode&) = delete;
  ~MappedCode() { ::munmap(begin_, static_cast<std::size_t>(end_of_room_ - begin_)); }

  char* begin() const { return begin_; }
  std::string bytes() const { return {begin_, kCode}; }
  const std::string& content() const { return content_; }

  std::optional<Mapping> mapping() const {
    for (const Mapping& one : memory_map()) {
      if (one.begin <= address_of(begin_) && address_of(begin_) < one.end) return one;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kRoom = 3 * kLargePage;
  const std::string content_ = some_code();
  UniqueFd file_;
  char* begin_ = nullptr;
  char* end_of_room_ = nullptr;
};

}  // namespace

TEST_CASE("large pages: code keeps its place, its bytes and its rights") {
  SKIP_UNLESS(testing::has_large_pages(), "this kernel gives no large page");
  const MappedCode code;
  REQUIRE(move_to_large_pages(code.mapping().value()));
  CHECK(code.bytes() == code.content());
  const Mapping after = code.mapping().value();
  CHECK(after.begin == address_of(code.begin()));
  CHECK(after.end == after.begin + kLargePage);
  CHECK(after.mode == "r-xp");
  CHECK(after.name.empty());
  CHECK(testing::large_pages_of(::getpid(), after.begin) == 1);
}

TEST_CASE("large pages: what is moved there is taken from nowhere else") {
  SKIP_UNLESS(testing::has_large_pages(), "this kernel gives no large page");
  const auto mapped = [] {
    std::size_t sum = 0;
    for (const Mapping& one : memory_map()) sum += one.name.empty() ? one.end - one.begin : 0;
    return sum;
  };
  const MappedCode code;
  const Mapping before = code.mapping().value();
  static_cast<void>(mapped());  // what reading the map needs itself
  const std::size_t first = mapped();
  REQUIRE(move_to_large_pages(before));
  CHECK(mapped() == first + kLargePage);
}

TEST_CASE("large pages: code that does not begin with one stays where it is") {
  const MappedCode code(4096);
  CHECK_FALSE(move_to_large_pages(code.mapping().value()));
  CHECK(code.mapping().value().is_of("memfd:code"));
  CHECK(code.bytes() == code.content());
}

TEST_CASE("large pages: code with a neighbour on its last one stays where it is") {
  const MappedCode code;
  char* const behind = code.begin() + kLargePage - 4096;
  REQUIRE(::mmap(behind, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == behind);
  *behind = 'n';
  CHECK_FALSE(move_to_large_pages(code.mapping().value()));
  CHECK(code.mapping().value().is_of("memfd:code"));
  CHECK(*behind == 'n');
}
