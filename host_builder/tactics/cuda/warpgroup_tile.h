// What tiles of groups of four warps have in common: kernels/cuda/warpgroup.cuh.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace stint::builder {

/// One to four groups of warps, 64 rows each; the widths of products that the device code has.
inline constexpr int64_t kWarpgroupRows[] = {64, 128, 192, 256};
inline constexpr int64_t kWarpgroupColumns[] = {32, 64, 96, 128, 192, 256};

template <size_t kCount>
bool is_one_of(int64_t value, const int64_t (&values)[kCount]) {
  return std::find(values, values + kCount, value) != values + kCount;
}

}  // namespace stint::builder
