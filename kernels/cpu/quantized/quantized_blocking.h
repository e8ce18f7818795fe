// How products of 8-bit integers are packed and cut; shared by the builder and the kernels' checks.
//
// Four consecutive terms of a dot product are one quad: an activation's four bytes meet the four
// bytes of a weight. So a quad takes the place that a float has in products of f32, and panels, tap
// records, blocks and scratch memory are the same. Packed weights: i8 [groups * panels][quads +
// 1][16][4], zero filled; the last row of a panel holds each column's sum of weights, an s32 in the
// bytes of its quad (little-endian), for processors that multiply signed bytes only and so have the
// activations lowered by 128.
#pragma once

#include "kernels/cpu/gemm_blocking.h"

namespace stint::cpu {

inline constexpr int64_t kQuad = 4;
inline constexpr int64_t kQuadRow = kPanelColumns * kQuad;  // bytes of a panel's row

/// Terms of a dot product: 2^16 x 255 x 128 still fits 32 bits.
inline constexpr int64_t kMaxQuantizedDepth = 1 << 16;

inline int64_t quads_for(int64_t terms) { return (terms + kQuad - 1) / kQuad; }

/// Rows of a packed panel.
inline int64_t quantized_panel_rows(int64_t depth) { return quads_for(depth) + 1; }

/// Whether the taps of an output pixel are copied together first: where they are no whole quads, or
/// loops too short to pay for their start.
inline bool quantized_conv_gathers(int64_t taps, int64_t group_in) {
  return group_in % kQuad != 0 || (taps > 1 && group_in < 32);
}

/// Worker scratch of a product whose rows are `taps` pieces of `length` bytes each. False: out of
/// range.
inline bool quantized_scratch(int64_t taps, int64_t length, bool gather, GemmScratch* out) {
  if (taps < 1 || length < 1 || length > kMaxQuantizedDepth || taps > kMaxQuantizedDepth ||
      taps * length > kMaxQuantizedDepth)
    return false;
  const int64_t quads = quads_for(gather ? taps * length : length);
  if (!gemm_scratch(gather ? 1 : taps, quads, gather ? quads : 0, out)) return false;
  out->bytes += 64;  // copies of 16 bytes may end beyond the last row
  return true;
}

inline bool quantized_conv_scratch(int64_t taps, int64_t group_in, GemmScratch* out) {
  return quantized_scratch(taps, group_in, quantized_conv_gathers(taps, group_in), out);
}

/// `depth` terms that lie side by side in every row of the left matrix.
inline bool quantized_matmul_scratch(int64_t depth, GemmScratch* out) {
  return quantized_scratch(1, depth, depth % kQuad != 0, out);
}

}  // namespace stint::cpu
