// Scratch memory of the depthwise convolution; shared by the builder and the kernel.
#pragma once

#include "kernels/cpu/gemm_blocking.h"

namespace stint::cpu {

/// Neighbouring output pixels that share the weights in registers.
inline constexpr int64_t kDepthwisePixels = 4;

struct DepthwiseScratch {
  int64_t table = 0;  // taps x pixels pointers, and the taps' weight offsets
  int64_t zeros = 0;  // one pixel of zeros
  int64_t sums = 0;   // pixels x channels
  int64_t bytes = 0;
};

/// False: out of range.
inline bool depthwise_scratch(int64_t taps, int64_t channels, DepthwiseScratch* out) {
  if (taps < 1 || taps > (1 << 20) || channels < 1 || channels > (int64_t{1} << 31)) return false;
  const int64_t padded = panels_for(channels) * kPanelColumns;
  out->table = 0;
  out->zeros = (taps * (kDepthwisePixels + 1) * 8 + 63) / 64 * 64;
  out->sums = out->zeros + padded * 4;
  out->bytes = out->sums + kDepthwisePixels * padded * 4;
  return true;
}

}  // namespace stint::cpu
