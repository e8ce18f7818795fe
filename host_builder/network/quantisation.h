// Quantised tensors as model formats have them: scale and zero point are tensors beside the
// integers, one for all, for each place of an axis, or for each block of places.
#pragma once

#include "host_builder/network/network_builder.h"

namespace stint::builder {

struct QuantOperands {
  ValueId scale = kNoValue;
  ValueId zero_point = kNoValue;  // absent: 0
  int64_t axis = 1;               // of several scales; may count from the end
  int64_t block = 0;              // places of the axis that share one; 0: each has its own
};

/// round(x / scale) + zero point, ties to even, within `dtype`: 8 or 16 bits, or `bits` of them.
/// Throws Refusal for parameters that do not fit x.
ValueId quantised(NetworkBuilder& net, ValueId x, const QuantOperands& q, DType dtype,
                  int bits = 0);

/// (x - zero point) * scale as f32. What a constant's numbers were is remembered (Value::grid).
ValueId dequantised(NetworkBuilder& net, ValueId x, const QuantOperands& q);

}  // namespace stint::builder
