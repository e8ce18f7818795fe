// How a tensor-core convolution is cut up: the tactic, its text, and what it costs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host_builder/lowering/cuda/gemm/gemm_cost.h"

namespace stint::builder {

/// Mirrors GemmTile in kernels/cuda/conv_gemm_block.cuh.
struct ConvGemmTile {
  int64_t bm = 64, bn = 64, bk = 64, stages = 4;  // bk: factors
  int64_t warps_m = 2, warps_n = 2;
  int64_t slices = 1;   // of warps that divide k (sliced-K)
  int64_t cluster = 1;  // blocks that divide k and meet in shared memory
  int64_t split = 1;    // blocks that divide k and meet in global memory

  int64_t threads() const { return warps_m * warps_n * slices * 32; }
  int64_t parts() const { return cluster * split; }
  int64_t tiles(const ConvProblem& p) const;
  int64_t steps_per_part(const ConvProblem& p) const;
  uint32_t shared_bytes(const ConvProblem& p) const;
  bool is_legal(const ConvProblem& p, const GpuTraits& gpu) const;
  /// Predicted time of the step in a chain.
  double predicted_us(const ConvProblem& p, const GpuTraits& gpu) const;

  /// "conv_gemm 64x32x64 s4 w2x1x2 c4": tile, stages, warps over pixels x channels x k, then c
  /// blocks of a cluster or k blocks that meet in global memory, if k is divided among blocks.
  std::string id() const;
  static std::optional<ConvGemmTile> parse(const std::string& id);

  /// Legal tiles with their predictions, cheapest first, at most `limit`.
  static std::vector<Ranked<ConvGemmTile>> ranked(const ConvProblem& p, const GpuTraits& gpu,
                                                  size_t limit);
};

}  // namespace stint::builder
