// Reductions of x over some of its axes, and running ones along an axis.
#pragma once

#include <cstdint>

#include "plan_schema/types.h"

namespace stint {

struct ReduceParams {
  ReduceOp op = ReduceOp::kSum;
  uint8_t axes = 0;       // bit i: axis i of x is reduced
  uint8_t keep_dims = 1;  // reduced axes stay in y with extent 1
  uint8_t reserved = 0;
};

/// y = index of the extreme element of x along one axis.
struct ArgReduceParams {
  uint8_t axis = 0;
  uint8_t is_max = 1;
  uint8_t keep_dims = 1;
  uint8_t select_last = 0;  // among equal elements
};

/// Outputs: values (x's type) if has_values, then indices (i64 or i32) if has_indices; k is their
/// extent along the axis.
struct TopKParams {
  uint8_t axis = 0;
  uint8_t largest = 1;
  uint8_t has_values = 1;
  uint8_t has_indices = 1;
};

/// y[k] = sum or product of x[0] to x[k] along one axis. Integers wrap around.
struct CumulativeParams {
  uint8_t axis = 0;
  uint8_t product = 0;    // else sums
  uint8_t exclusive = 0;  // to x[k - 1]
  uint8_t reverse = 0;    // from the last element to the first
};

/// Worker scratch that the top-k kernel needs.
constexpr uint64_t topk_scratch_bytes(int64_t k) { return static_cast<uint64_t>(k) * 16; }

}  // namespace stint
