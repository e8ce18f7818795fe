// Scratch memory of the convolutions that are blocked matrix products; shared by the builder and
// the kernels.
#pragma once

#include "kernels/cpu/gemm_blocking.h"

namespace stint::cpu {

/// Whether the taps of an output pixel are copied together first: with fewer channels than this a
/// tap is a loop too short to pay for its start.
inline bool conv_gathers(int64_t taps, int64_t group_in) { return taps > 1 && group_in < 16; }

inline bool conv_scratch(int64_t taps, int64_t group_in, GemmScratch* out) {
  const bool gather = conv_gathers(taps, group_in);
  return gemm_scratch(gather ? 1 : taps, group_in, gather ? taps * group_in : 0, out);
}

}  // namespace stint::cpu
