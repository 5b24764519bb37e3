#include "tls/gathered_memory.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace usher::tls {
namespace {

constexpr std::size_t kRegion = 1 << 20;  // what of it is not used takes no memory
constexpr std::size_t kLargest = 2048;
constexpr std::size_t kLarge = 1024;  // from here on a piece is a large one
constexpr std::size_t kAlignment = 16;

constexpr std::size_t kCertificate = 256;  // no smaller part of one is

constexpr std::array<std::string_view, 15> kFiles{"threads_pthread.c", "provider_core.c", "err.c",     "drbg.c",
                                                  "drbg_ctr.c",        "cipher_aes.c",    "evp_enc.c", "digest.c",
                                                  "kdf_meth.c",        "mac_meth.c",      "ssl_lib.c", "keymgmt_meth.c",
                                                  "exchange.c",        "signature.c",     "p_lib.c"};

bool lies_in(const void* memory, const char* begin) noexcept {
  return reinterpret_cast<std::uintptr_t>(memory) - reinterpret_cast<std::uintptr_t>(begin) < kRegion;
}

std::size_t whole_pages(std::size_t size) noexcept {
  const auto page = static_cast<std::size_t>(::getpagesize());
  return (size + page - 1) / page * page;
}

struct Region {
  char* begin = nullptr;
  std::size_t used = 0;
  bool open = false;
};
Region region;

// A stack of pieces: room comes back when the last of them is free.
class LargePieces {
 public:
  void open(char* begin) noexcept { begin_ = begin; }

  // Null when there is no room.
  void* take(std::size_t size) noexcept {
    const std::size_t whole = sizeof(Piece) + (size + kAlignment - 1) / kAlignment * kAlignment;
    if (begin_ == nullptr || whole > kRegion - used_) return nullptr;
    auto* const piece = new (begin_ + used_) Piece{last_, size, false};
    last_ = used_;
    used_ += whole;
    return piece + 1;
  }
  bool has(const void* memory) const noexcept { return lies_in(memory, begin_); }
  static std::size_t size_of(const void* memory) noexcept { return (static_cast<const Piece*>(memory) - 1)->size; }
  void give_back(void* memory) noexcept {
    (static_cast<Piece*>(memory) - 1)->free = true;
    while (used_ > 0 && last()->free) {
      used_ = last_;
      last_ = last()->before;
    }
  }
  void give_pages_back() const noexcept {
    const std::size_t kept = whole_pages(used_);
    if (begin_ != nullptr) ::madvise(begin_ + kept, kRegion - kept, MADV_DONTNEED);
  }

 private:
  struct alignas(kAlignment) Piece {
    std::size_t before;  // where the one before it begins
    std::size_t size;
    bool free;
  };
  Piece* last() const noexcept { return reinterpret_cast<Piece*>(begin_ + last_); }  // NOLINT: where take() has made one

  char* begin_ = nullptr;
  std::size_t used_ = 0;
  std::size_t last_ = 0;
};
LargePieces large_pieces;

bool is_gathered(const void* memory) noexcept { return lies_in(memory, region.begin); }

std::string_view name_of(const char* file) noexcept {
  std::string_view name(file == nullptr ? "" : file);
  name.remove_prefix(name.rfind('/') + 1);
  return name;
}

bool is_written_much(const char* file, std::size_t size) noexcept {
  const std::string_view name = name_of(file);
  return std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end() || (name == "tasn_new.c" && size >= kCertificate);
}

// The generators begin with a page: each process writes all of them, and they are as long as two.
void begin_generators() noexcept {
  static bool begun = false;
  if (!std::exchange(begun, true)) region.used = std::min(whole_pages(region.used), kRegion);
}

void* gather(std::size_t size) noexcept {
  const std::size_t whole = (size + kAlignment - 1) / kAlignment * kAlignment;
  if (size == 0 || size > kLargest || whole > kRegion - region.used) return nullptr;
  region.used += whole;
  return region.begin + region.used - whole;
}

void* take(std::size_t size, const char* file, int /*line*/) noexcept {
  void* taken = nullptr;
  if (region.open && is_written_much(file, size)) {
    if (name_of(file) == "drbg.c") begin_generators();
    taken = gather(size);
  }
  if (!region.open && size >= kLarge && !is_written_much(file, size)) taken = large_pieces.take(size);
  return taken != nullptr ? taken : std::malloc(size);
}

void give_back(void* memory, const char* /*file*/, int /*line*/) noexcept {
  if (large_pieces.has(memory)) return large_pieces.give_back(memory);
  if (!is_gathered(memory)) std::free(memory);
}

// How large it was is not known: what is copied too much is of no consequence, and is there.
void* resize(void* memory, std::size_t size, const char* file, int line) noexcept {
  if (memory == nullptr) return take(size, file, line);
  const bool large = large_pieces.has(memory);
  if (!large && !is_gathered(memory)) return std::realloc(memory, size);
  void* const other = take(size, file, line);
  if (other == nullptr) return nullptr;
  const char* const from = static_cast<char*>(memory);
  const auto most = large ? large_pieces.size_of(memory) : static_cast<std::size_t>(region.begin + kRegion - from);
  std::memmove(other, from, std::min(size, most));
  if (large) large_pieces.give_back(memory);
  return other;
}

}  // namespace

void gather_written_memory() noexcept {
  void* const room = ::mmap(nullptr, 2 * kRegion, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return;
  region = {static_cast<char*>(room), 0, true};
  large_pieces.open(region.begin + kRegion);
  CRYPTO_set_mem_functions(take, resize, give_back);
}

void end_gathering() noexcept {
  region.open = false;
}

PageRange gathered_memory() noexcept {
  return {region.begin, whole_pages(region.used)};
}

void give_large_pieces_back() noexcept {
  large_pieces.give_pages_back();
}

}  // namespace usher::tls
