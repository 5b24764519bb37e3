// How much configuration there may be.
#pragma once

#include <cstddef>

namespace usher {

inline constexpr std::size_t kMaxConfigurationFile = std::size_t{1} << 20U;    // bytes of one file
inline constexpr std::size_t kMaxConfigurationFiles = 1'000;                   // in programs.d
inline constexpr std::size_t kMaxConfigurationBytes = std::size_t{16} << 20U;  // of all files together

}  // namespace usher
