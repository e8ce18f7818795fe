// Weights of a product in the order in which tensor-core kernels read them.
#pragma once

#include <algorithm>

#include "host_builder/lowering/cuda/gemm/conv_source.h"

namespace stint::builder {

/// Blocks of 32 k x 8 columns, each as the 16 bytes of every lane that are its B fragments of two
/// mma.m16n8k16: f16 [group][k / 32][column / 8][lane][k16, half, pair]. Columns are interleaved
/// so that the accumulators a lane has of `interleave` (8, 16 or 32) columns are adjacent channels.
/// Padded with zeros. Integers (p.integers) as bytes of twice as many k, in the same places.
PackedWeights pack_gemm_weights(Graph& graph, const ConvProblem& p, int64_t interleave);

/// Blocks of 64 k x 8 columns for wgmma, which reads them where they are copied to: f16 [group]
/// [k / 64][column / 8][column][k], in the 128-byte swizzle: the 16-byte chunks of column c
/// permuted by XOR with c % 8. Columns are interleaved as above. Padded with zeros.
PackedWeights pack_warpgroup_weights(Graph& graph, const ConvProblem& p, int64_t interleave);

/// Columns that are interleaved (kInterleave of WarpTiling): four lanes have them, each as many as
/// one store takes, so that one store of four lanes leaves no gaps.
inline int64_t column_interleave(const ConvProblem& p) {
  return std::clamp<int64_t>(p.y.packet * 4, 8, 32);
}

/// The same where a warp has `columns` (WarpTiling::kGroup).
inline int64_t column_interleave(const ConvProblem& p, int64_t columns) {
  int64_t interleave = column_interleave(p);
  while (columns % interleave != 0) interleave /= 2;
  return interleave;
}

}  // namespace stint::builder
