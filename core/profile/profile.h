// Time per step, kept in the session block.
#pragma once

#include <time.h>

#include <cstdint>

namespace stint {

struct StepTimes {
  uint64_t runs = 0;
  uint64_t total_ns = 0;
  uint64_t min_ns = 0;

  void add(uint64_t ns) {
    if (runs == 0 || ns < min_ns) min_ns = ns;
    total_ns += ns;
    ++runs;
  }
};

/// Not a system call where the vDSO serves the clock, as on every supported Linux.
inline uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace stint
