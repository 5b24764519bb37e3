// How `usher login` ends where it is not the program's own status.
#pragma once

namespace usher::login_status {

inline constexpr int kUsage = 2;          // no program named, and nobody to ask
inline constexpr int kRefused = 250;      // wrong login, or refused for good: 900 at the end, 901, 903, 911, 920
inline constexpr int kBusy = 251;         // 910
inline constexpr int kUnreachable = 252;  // no connection
inline constexpr int kNoResult = 253;     // the connection ended without a result; 904

}  // namespace usher::login_status
