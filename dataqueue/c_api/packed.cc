// Packed decimals: two digits a byte, the sign in the last half byte.
#include <cstdlib>

#include "usher/ibmi.h"

namespace {

constexpr unsigned kPlus = 0xF;
constexpr unsigned kMinus = 0xD;
constexpr int kMostBytes = 9;  // 17 digits: fits a long

bool is_minus(unsigned sign) {
  return sign == kMinus || sign == 0xB;
}

}  // namespace

int usher_unpack(const void* packed, int bytes, long* value) {
  if (packed == nullptr || value == nullptr || bytes < 1 || bytes > kMostBytes) return -1;
  const auto* byte = static_cast<const unsigned char*>(packed);
  const unsigned sign = byte[bytes - 1] & 0xFU;
  if (sign < 10) return -1;
  long number = 0;
  for (int half = 0; half < 2 * bytes - 1; ++half) {
    const unsigned digit = half % 2 == 0 ? byte[half / 2] >> 4U : byte[half / 2] & 0xFU;
    if (digit > 9) return -1;
    number = number * 10 + static_cast<long>(digit);
  }
  *value = is_minus(sign) ? -number : number;
  return 0;
}

int usher_pack(long value, void* packed, int bytes) {
  if (packed == nullptr || bytes < 1 || bytes > kMostBytes) return -1;
  auto* byte = static_cast<unsigned char*>(packed);
  unsigned long rest = value < 0 ? 0UL - static_cast<unsigned long>(value) : static_cast<unsigned long>(value);
  unsigned low = value < 0 ? kMinus : kPlus;
  for (int i = bytes - 1; i >= 0; --i) {
    byte[i] = static_cast<unsigned char>(rest % 10 << 4U | low);
    rest /= 10;
    low = static_cast<unsigned>(rest % 10);
    if (i > 0) rest /= 10;
  }
  return rest == 0 ? 0 : -1;
}
