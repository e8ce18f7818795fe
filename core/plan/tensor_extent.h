// Size and view of a plan's tensor.
#pragma once

#include "kernels/cpu/kernel.h"
#include "plan_schema/plan_generated.h"
#include "plan_schema/status.h"

namespace stint {

struct TensorExtent {
  uint64_t elements = 0;  // product of the shape
  uint64_t bytes = 0;     // from the first element's first byte to behind the last one reached
};

/// Checks type, rank, shape and strides and computes the extent. `index` goes into the status.
Status measure_tensor(const fb::Tensor& tensor, uint32_t index, TensorExtent* extent);

/// Row-major without gaps.
bool is_dense(const fb::Tensor& tensor);

/// No two elements share an address. Sufficient, not necessary: axes must nest, as in every slice
/// of a dense tensor.
bool is_injective(const fb::Tensor& tensor);

/// Same shape and strides, without data. The tensor must have been measured.
cpu::TensorView to_view(const fb::Tensor& tensor);

}  // namespace stint
