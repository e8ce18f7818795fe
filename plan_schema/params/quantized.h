// Kernels whose operands are 8-bit integers that stand for real numbers:
//   real = (integer - zero_point) * scale
//
// Products. x is u8 (a builder stores signed numbers with the zero point 128), weights are i8 with
// one scale per output channel and no zero point; the accumulator is exact (s32):
//   acc = sum of x * w over raw integers; places outside x (padding) hold x's zero point
//   t   = acc * multiplier[c] + bias[c]
//   y   = act(t + residual)  or  act(t) + residual, as the epilogue says
// Inputs: x, weights as the kernel packs them, multiplier f32 [channels] (x's scale times that of
// the channel's weights), bias f32 [channels] (in which the builder has counted x's zero point:
// b - zero_point * sum(w) * multiplier), [residual of y's shape: u8, i8 or f32]. The epilogue's
// has_bias is 1. Output y: u8, i8 or f32.
//
// A result that is u8 or i8 is stored as the integer nearest to y / scale + zero_point (ties to
// even), saturated; NaN as the zero point.
#pragma once

#include "plan_schema/params/conv.h"
#include "plan_schema/params/matmul.h"
#include "plan_schema/params/pointwise.h"
#include "plan_schema/params/pool.h"

namespace stint {

/// Of one operand or result. 1 and 0 for f32.
struct QuantParams {
  float scale = 1.0f;  // positive, finite
  int32_t zero_point = 0;
};
static_assert(sizeof(QuantParams) == 8);

struct QuantizedConvParams {
  ConvParams conv;
  QuantParams x, y, residual;
};

struct QuantizedMatMulParams {
  MatMulParams matmul;  // b is packed
  QuantParams x, y, residual;
};

/// x: u8 or i8. Maximum: y has x's type, scale and zero point, and no indices. Average: y is any of
/// the three; padding that counts (count_include_pad) is the number 0. A window has at most 2^23
/// cells.
struct QuantizedPoolParams {
  PoolParams pool;
  QuantParams x, y;
};

/// An element-wise program (pointwise.h) whose operands and result are any of the three; it
/// computes with real numbers. Its instructions follow this struct.
struct QuantizedPointwiseParams {
  PointwiseParams program;
  QuantParams y;
  QuantParams inputs[kMaxPointwiseInputs];
};

/// Conversion among f32, u8 and i8 (quantise, dequantise, change the scale).
struct RequantizeParams {
  QuantParams x, y;
};

}  // namespace stint
