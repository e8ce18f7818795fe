// Type rules the normalisation kernels share.
#pragma once

#include "kernels/cpu/check_helpers.h"
#include "plan_schema/params/elementwise.h"

namespace stint::cpu {

inline Status check_floating(const TensorView& t) {
  if (!is_float(t.dtype))
    return corrupt("the kernel needs a floating-point tensor", static_cast<int64_t>(t.dtype),
                   static_cast<int64_t>(DType::kF32));
  return ok_status();
}

/// One number per channel.
inline Status check_per_channel(const TensorView& t, int64_t channels) {
  STINT_RETURN_IF_ERROR(check_floating(t));
  if (t.rank != 1 || t.shape[0] != channels)
    return corrupt("a per-channel operand has the wrong shape", t.rank == 1 ? t.shape[0] : t.rank,
                   channels);
  return ok_status();
}

}  // namespace stint::cpu
