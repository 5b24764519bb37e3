// How many workers a pool starts, and when: a prestart job entry whose jobs serve one client each.
//
// Source: IBM i ADDPJE: INLJOBS, THRESHOLD, ADLJOBS, MAXJOBS.
#pragma once

#include <cstdint>

#include "base/configuration.h"

namespace usher {

struct PoolCounts {
  std::uint32_t ready = 0;     // wait for a client
  std::uint32_t starting = 0;  // asked for, not ready yet
  std::uint32_t total = 0;     // all that exist, whatever they do
  std::uint32_t in_use = 0;    // have a client

  PoolCounts& operator+=(const PoolCounts& other);
  PoolCounts& operator-=(const PoolCounts& other);
};

// `additional` whenever fewer than `threshold` are or will be ready; while the pool's first workers are not complete, up to
// `initial`. Never past `maximum`.
std::uint32_t workers_to_start(const PoolConfig& pool, const PoolCounts& counts, bool first);

}  // namespace usher
