// Scratch memory of the matrix product; shared by the builder and the kernel.
#pragma once

#include "kernels/cpu/gemm_blocking.h"
#include "plan_schema/params/matmul.h"

namespace stint::cpu {

/// `gathered` holds the last columns of an unpacked b, padded to a whole panel: k x 16 floats.
inline bool matmul_scratch(const MatMulParams& p, int64_t k, GemmScratch* out) {
  if (!gemm_scratch(1, 0, 0, out)) return false;
  if (p.b_packed || p.n % kPanelColumns == 0) return true;
  if (k > (int64_t{1} << 32)) return false;
  out->bytes += k * kPanelColumns * 4;
  return true;
}

}  // namespace stint::cpu
