// What a convolution or matrix product does to its accumulator before it stores:
//   y = act(acc + bias[c] (+ residual))            residual_after_act = 0
//   y = act(acc + bias[c]) + residual              residual_after_act = 1
#pragma once

#include "plan_schema/types.h"

namespace stint {

struct EpilogueParams {
  uint8_t has_bias = 0;      // a bias tensor f32 [channels] follows the weights among the inputs
  uint8_t has_residual = 0;  // a tensor of the output's shape follows (after the bias)
  uint8_t residual_after_act = 0;
  Activation act = Activation::kNone;
  float alpha = 0.0f;  // parameters of the activation (see Activation)
  float beta = 0.0f;
};
static_assert(sizeof(EpilogueParams) == 12);

}  // namespace stint
