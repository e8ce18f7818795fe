// How a convolution from a window of pixels is cut up: the tactic, its text, and what it costs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host_builder/lowering/cuda/gemm/gemm_cost.h"

namespace stint::builder {

/// Mirrors WindowTile in kernels/cuda/conv_window.cuh.
struct ConvWindowTile {
  static constexpr int64_t kDepth = 64;  // of a step
  int64_t bm = 128, bn = 64;
  int64_t stages = 0;   // of weights; 0: all stay, and a block goes from tile to tile
  int64_t windows = 1;  // more than one only where weights stay
  int64_t cluster = 1;  // blocks that divide the channels and meet in shared memory

  /// The last ones are producers.
  int64_t threads() const { return bm * 2 + (stages > 0 || bm * bn > 128 * 128 ? 128 : 256); }
  int64_t tiles(const ConvProblem& p) const;
  /// Thread blocks of the grid.
  int64_t blocks(const ConvProblem& p, const GpuTraits& gpu) const;
  int64_t steps(const ConvProblem& p) const;
  int64_t window_bytes(const ConvProblem& p) const;
  int64_t shared_bytes(const ConvProblem& p) const;
  bool is_legal(const ConvProblem& p, const GpuTraits& gpu) const;
  /// Predicted time of the step in a chain.
  double predicted_us(const ConvProblem& p, const GpuTraits& gpu) const;

  /// "conv_window 128x128 s4 c2": tile, stages of weights, blocks of a cluster if they divide
  /// channels; "conv_window 128x64 r2": weights stay, two windows.
  std::string id() const;
  static std::optional<ConvWindowTile> parse(const std::string& id);

  /// Legal tiles with their predictions, cheapest first, at most `limit`.
  static std::vector<Ranked<ConvWindowTile>> ranked(const ConvProblem& p, const GpuTraits& gpu,
                                                    size_t limit);
};

}  // namespace stint::builder
