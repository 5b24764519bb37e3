// What the fuzzing harnesses share.
//
// Model:  a harness is one file NAME_fuzz.cc with libFuzzer's entry. It gives the input to the part under test, the
//         real one, and demands of it what always holds. A crash, a sanitizer's report, an exception that the part
//         does not promise, a demand that fails and a hang are findings.
//         Built with -Dfuzzers=true it is a libFuzzer program (scripts/fuzz); else it is linked with corpus_main.cc and
//         is a test that runs the files of corpus/NAME.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// Source: libFuzzer; the name and the shape are its own. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);  // NOLINT(readability-identifier-naming)

namespace usher::fuzz {

// What does not hold is a finding.
inline void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: it does not hold that %s\n", what);
  std::abort();
}

// Takes an input apart from its front; where it is over, zeros and empty texts come.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : bytes_(reinterpret_cast<const char*>(data), data == nullptr ? 0 : size) {}

  bool empty() const noexcept { return bytes_.empty(); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  // Little-endian, of so many bytes.
  std::uint32_t number(std::size_t count) {
    std::uint32_t value = 0;
    unsigned shift = 0;
    for (const char c : bytes(count)) {
      value |= std::uint32_t{static_cast<unsigned char>(c)} << shift;
      shift += 8;
    }
    return value;
  }
  std::string_view bytes(std::size_t most) {
    const std::string_view taken = bytes_.substr(0, most);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  // Up to the separator, which goes too.
  std::string_view until(char separator) {
    const std::string_view taken = bytes_.substr(0, bytes_.find(separator));
    bytes_.remove_prefix(std::min(taken.size() + 1, bytes_.size()));
    return taken;
  }
  std::string_view rest() { return bytes(bytes_.size()); }

 private:
  std::string_view bytes_;
};

}  // namespace usher::fuzz
