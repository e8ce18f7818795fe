// What tiles of warpgroups have in common: kernels/cuda/warpgroup.cuh.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "host_builder/lowering/cuda/gemm/gemm_cost.h"

namespace stint::builder {

/// One to four warpgroups, 64 rows each; the widths of products that the device code has.
inline constexpr int64_t kWarpgroupRows[] = {64, 128, 192, 256};
inline constexpr int64_t kWarpgroupColumns[] = {32, 64, 96, 128, 192, 256};

template <size_t kCount>
bool is_one_of(int64_t value, const int64_t (&values)[kCount]) {
  return std::find(values, values + kCount, value) != values + kCount;
}

/// Where they can pay. Smaller products take a few microseconds: many small tiles and short
/// pipelines (conv_gemm, conv_resident) are for them.
inline bool is_large(const ConvProblem& p) {
  return p.pixels() >= 256 && p.out_channels >= 32 && p.flops() >= 0.3e9;
}

/// What a tile says of its work; `steps` of one block, 128 bytes of k each. Activations are the
/// caller's.
template <typename Tile>
GemmWork warpgroup_work(const ConvProblem& p, const Tile& t, int64_t steps, int64_t shared_bytes) {
  constexpr int64_t kStepDepth = 64;  // units of two bytes
  GemmWork w;
  w.warpgroups = true;
  w.blocks = t.tiles(p) * t.cluster;
  w.threads = t.threads();
  w.bm = t.bm;
  w.bn = t.bn;
  w.warp_rows = 16;
  w.warp_columns = t.bn;
  w.depth = steps * kStepDepth;
  w.cluster = t.cluster;
  w.weight_bytes = t.bn * w.depth * 2;
  w.shared_bytes = shared_bytes;
  w.stages = t.stages;
  w.step_depth = kStepDepth;
  return w;
}

}  // namespace stint::builder
