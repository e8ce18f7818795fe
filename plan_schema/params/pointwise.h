// A fused element-wise program on f32: r[i] = op(a[, b[, c]]), the last result is y. Operand k <
// inputs is input k (broadcast to y by numpy's rule), else result k - inputs. The instructions
// follow this struct.
#pragma once

#include <cstdint>

#include "plan_schema/params/elementwise.h"

namespace stint {

inline constexpr int kMaxPointwiseInputs = 16;
inline constexpr int kMaxPointwiseInstructions = 32;
/// Floats per operand: with a handful of operands a tile stays in L1.
inline constexpr int64_t kPointwiseTile = 512;

struct PointwiseParams {
  uint8_t instruction_count = 0;
  uint8_t reserved[7] = {};
};

struct PointwiseOp {
  EltOp op = EltOp::kCopy;
  uint8_t a = 0, b = 0, c = 0;
  float alpha = 0.0f;
  float beta = 0.0f;
};
static_assert(sizeof(PointwiseOp) == 12);

/// Worker scratch: one tile per input (for operands that are not dense) and per result.
constexpr uint64_t pointwise_scratch_bytes(int64_t inputs, int64_t instructions) {
  return static_cast<uint64_t>(inputs + instructions) * kPointwiseTile * sizeof(float);
}

}  // namespace stint
