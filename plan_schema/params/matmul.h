// y[..., m, n] = epilogue(sum_k a[..., m, k] * b[..., k, n]); batch axes broadcast by stride 0.
// Inputs: a, b (or packed b), [bias f32 [n]], [residual of y's shape]. Output: y.
#pragma once

#include "plan_schema/params/epilogue.h"

namespace stint {

struct MatMulParams {
  uint8_t b_packed = 0;  // b is a constant, packed by the builder
  uint8_t reserved[3] = {};
  int32_t n = 0;  // columns of y (packed b does not tell)
  EpilogueParams epilogue;
};

}  // namespace stint
