// How a convolution by warpgroups is cut up: the tactic, its text, and what it costs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host_builder/lowering/cuda/gemm/gemm_cost.h"

namespace stint::builder {

/// Mirrors WarpgroupTile in kernels/cuda/conv_wgmma.cuh.
struct ConvWgmmaTile {
  static constexpr int64_t kRowBytes = 128;  // k of a step
  int64_t bm = 128, bn = 128, stages = 4;
  int64_t cluster = 1;  // blocks that divide k and meet in shared memory

  int64_t threads() const { return bm * 2; }
  int64_t tiles(const ConvProblem& p) const;
  int64_t steps(const ConvProblem& p) const;
  int64_t steps_per_block(const ConvProblem& p) const;
  uint32_t shared_bytes(const ConvProblem& p) const;
  bool is_legal(const ConvProblem& p, const GpuTraits& gpu) const;
  /// Predicted time of the step in a chain.
  double predicted_us(const ConvProblem& p, const GpuTraits& gpu) const;

  /// "conv_wgmma 128x64 s4 c2": tile, stages, blocks of a cluster if they divide k.
  std::string id() const;
  static std::optional<ConvWgmmaTile> parse(const std::string& id);

  /// Legal tiles with their predictions, cheapest first, at most `limit`.
  static std::vector<Ranked<ConvWgmmaTile>> ranked(const ConvProblem& p, const GpuTraits& gpu,
                                                   size_t limit);
};

}  // namespace stint::builder
