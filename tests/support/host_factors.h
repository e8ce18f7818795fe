// What tensor cores multiply, on the host: factors from their bytes, and a product of 32 bytes of
// k. Sums of products are exact in f32 before they are added up, bytes' as well.
#pragma once

#include <cstring>

#include "plan_schema/half.h"
#include "tests/support/cuda_on_host/services.h"

namespace stint::test {

inline constexpr unsigned kFactorBytes = 32;  // of k, in one product

inline unsigned factor_count(HostFactors kind, unsigned bytes) {
  return kind == kHostHalves ? bytes / 2 : bytes;
}

/// The first factors of a product may be unsigned, the second ones are not.
inline void unpack_factors(float* to, const unsigned char* from, unsigned bytes, HostFactors kind,
                           bool first) {
  for (unsigned i = 0; i < factor_count(kind, bytes); ++i) {
    if (kind == kHostHalves) {
      F16 half;
      std::memcpy(&half, from + i * 2, 2);
      to[i] = to_float(half);
    } else if (kind == kHostUnsignedBytes && first) {
      to[i] = from[i];
    } else {
      to[i] = static_cast<signed char>(from[i]);
    }
  }
}

/// Adds the sum of products to the `at`-th of f32 or 32-bit integers.
inline void add_products(void* sums, unsigned at, const float* x, const float* y,
                         HostFactors kind) {
  float sum[4] = {};
  for (unsigned k = 0; k < factor_count(kind, kFactorBytes); ++k) sum[k % 4] += x[k] * y[k];
  const float all = sum[0] + sum[1] + (sum[2] + sum[3]);
  if (kind == kHostHalves)
    static_cast<float*>(sums)[at] += all;
  else
    static_cast<int*>(sums)[at] += static_cast<int>(all);
}

}  // namespace stint::test
