#include "tls/gathered_memory.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace usher::tls {
namespace {

constexpr std::size_t kRegion = 1 << 20;  // what of it is not used takes no memory
constexpr std::size_t kLargest = 2048;
constexpr std::size_t kAlignment = 16;

constexpr std::array<std::string_view, 15> kFiles{"threads_pthread.c", "provider_core.c", "err.c",     "drbg.c",
                                                  "drbg_ctr.c",        "cipher_aes.c",    "evp_enc.c", "digest.c",
                                                  "kdf_meth.c",        "mac_meth.c",      "ssl_lib.c", "keymgmt_meth.c",
                                                  "exchange.c",        "signature.c",     "p_lib.c"};

struct Region {
  char* begin = nullptr;
  std::size_t used = 0;
  bool open = false;
};
Region region;

bool is_gathered(const void* memory) noexcept {
  const auto place = reinterpret_cast<std::uintptr_t>(memory) - reinterpret_cast<std::uintptr_t>(region.begin);
  return place < kRegion;
}

bool is_written_much(const char* file) noexcept {
  std::string_view name(file == nullptr ? "" : file);
  name.remove_prefix(name.rfind('/') + 1);
  return std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end();
}

void* take(std::size_t size, const char* file, int /*line*/) noexcept {
  const std::size_t whole = (size + kAlignment - 1) / kAlignment * kAlignment;
  const bool gathered = region.open && size > 0 && size <= kLargest && whole <= kRegion - region.used;
  if (!gathered || !is_written_much(file)) return std::malloc(size);
  region.used += whole;
  return region.begin + region.used - whole;
}

void give_back(void* memory, const char* /*file*/, int /*line*/) noexcept {
  if (!is_gathered(memory)) std::free(memory);
}

// How large it was is not known: what is copied too much is of no consequence, and is there.
void* resize(void* memory, std::size_t size, const char* file, int line) noexcept {
  if (memory == nullptr || !is_gathered(memory)) return std::realloc(memory, size);
  void* const larger = take(size, file, line);
  if (larger == nullptr) return nullptr;
  const char* const from = static_cast<char*>(memory);
  std::memmove(larger, from, std::min(size, static_cast<std::size_t>(region.begin + kRegion - from)));
  return larger;
}

}  // namespace

void gather_written_memory() noexcept {
  void* const room = ::mmap(nullptr, kRegion, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return;
  region = {static_cast<char*>(room), 0, true};
  CRYPTO_set_mem_functions(take, resize, give_back);
}

void end_gathering() noexcept {
  region.open = false;
}

PageRange gathered_memory() noexcept {
  const auto page = static_cast<std::size_t>(::getpagesize());
  return {region.begin, (region.used + page - 1) / page * page};
}

}  // namespace usher::tls
