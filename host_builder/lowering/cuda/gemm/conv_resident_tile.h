// How a tensor-core convolution whose operands lie in shared memory all at once is cut up.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host_builder/lowering/cuda/gemm/gemm_cost.h"

namespace stint::builder {

/// Mirrors ResidentTile in kernels/cuda/conv_resident.cuh.
struct ConvResidentTile {
  int64_t rows = 1, columns = 16;  // output pixels
  int64_t bm = 16, bn = 32;        // rows of fragments, channels
  int64_t warps_m = 1, warps_n = 1, slices = 4;
  int64_t cluster = 1;  // blocks that divide the input channels

  int64_t threads() const { return warps_m * warps_n * slices * 32; }
  int64_t blocks(const ConvProblem& p) const;
  /// 64-byte blocks of channels of one tap that a block of the cluster has.
  int64_t channel_blocks(const ConvProblem& p) const;
  int64_t weight_bytes(const ConvProblem& p) const;
  int64_t window_bytes(const ConvProblem& p) const;
  int64_t shared_bytes(const ConvProblem& p) const;

  /// "conv_resident 2x14x64 m32 w2x2x2 c4": pixels and channels of a tile, rows of fragments, warps
  /// over pixels x channels x k, blocks of a cluster if they divide the channels.
  std::string id() const;
  static std::optional<ConvResidentTile> parse(const std::string& id);
  bool is_legal(const ConvProblem& p, const GpuTraits& gpu) const;
  /// Predicted time of the step in a chain.
  double predicted_us(const ConvProblem& p, const GpuTraits& gpu) const;

  /// Legal tiles with their predictions, cheapest first, at most `limit`.
  static std::vector<Ranked<ConvResidentTile>> ranked(const ConvProblem& p, const GpuTraits& gpu,
                                                      size_t limit);
};

}  // namespace stint::builder
