// What a tensor-core product costs, from how it is cut up. One model for all kernels, so that their
// tactics can be compared.
#pragma once

#include <algorithm>
#include <vector>

#include "host_builder/lowering/cuda/ceil_div.h"
#include "host_builder/lowering/cuda/gemm/conv_problem.h"

namespace stint::builder {

/// One kernel's work. "Block" is a thread block. k is counted in units of two bytes, which is what
/// tensor cores take the same time for, whether it is one factor of 16 bits or two of 8.
struct GemmWork {
  int64_t blocks = 1, threads = 128;
  int64_t bm = 64, bn = 64;  // tile
  int64_t warp_rows = 32, warp_columns = 32;
  int64_t depth = 64;  // k that one block goes through
  int64_t slices = 1, cluster = 1, split = 1;
  int64_t activation_bytes = 0, weight_bytes = 0;  // that one block fetches
  int64_t shared_bytes = 0;
  int64_t gathered = 0;  // elements that one block fetches one packet at a time, in packets
  // A pipeline of `stages` steps of `step_depth` k; 0: everything is fetched at once.
  int64_t stages = 0, step_depth = 0;
  // Warpgroups multiply what lies in shared memory (wgmma): kernels/cuda/conv_wgmma.cuh.
  bool warpgroups = false;
};

/// Shared memory of kernels/cuda/tile_epilogue.cuh for a tile of `elements`.
int64_t sum_bytes(int64_t elements, int64_t slices, int64_t cluster, int64_t split);

/// Shared memory of the channels' bias, and of what scales their sums.
int64_t bias_bytes(const ConvProblem& p, int64_t bn);

/// Shared memory of a block of kernels/cuda/conv_gemm_block.cuh, without those.
int64_t staged_bytes(const ConvProblem& p, int64_t bm, int64_t bn, int64_t bk, int64_t stages);

/// Blocks of the kernel that one multiprocessor holds; 0: it cannot run.
int64_t resident_blocks(const GemmWork& work, const GpuTraits& gpu);

/// Whether the blocks of a cluster find room at the same time.
bool cluster_fits(const GemmWork& work, const GpuTraits& gpu);

/// Predicted time of the step in a chain.
double gemm_us(const ConvProblem& p, const GemmWork& work, const GpuTraits& gpu);

/// A way to cut a product up, and its predicted time.
template <typename Tile>
struct Ranked {
  Tile tile;
  double us = 0;
};

/// Cheapest first, at most `limit`. Ties keep their order.
template <typename Tile>
void keep_cheapest(std::vector<Ranked<Tile>>& tiles, size_t limit) {
  std::stable_sort(tiles.begin(), tiles.end(),
                   [](const auto& a, const auto& b) { return a.us < b.us; });
  if (tiles.size() > limit) tiles.resize(limit);
}

}  // namespace stint::builder
