// Normalisations. All compute in float (f64: double), statistics in double.
#pragma once

#include <cstdint>

namespace stint {

/// y = (x - mean) / sqrt(variance + epsilon) * scale[c] + bias[c], statistics over everything but
/// axis 0 and the channel axis. Inputs: x, scale [C], bias [C].
struct InstanceNormParams {
  float epsilon = 1e-5f;
  uint8_t channel_axis = 1;
  uint8_t reserved[3] = {};
};

/// Statistics over the axes from `axis` on. Inputs: x, scale, [bias]; both broadcast to x. Outputs:
/// y, [mean], [1 / deviation].
struct LayerNormParams {
  float epsilon = 1e-5f;
  uint8_t axis = 0;
  uint8_t has_bias = 0;
  uint8_t has_mean = 0;
  uint8_t has_inv_std = 0;
};

/// y = x / (bias + alpha / size * sum of squares over `size` neighbouring channels) ^ beta.
struct LrnParams {
  int64_t size = 1;
  float alpha = 1e-4f;
  float beta = 0.75f;
  float bias = 1.0f;
  uint8_t channel_axis = 1;
  uint8_t reserved[3] = {};
};

struct SoftmaxParams {
  uint8_t axis = 0;
  uint8_t log = 0;
  uint8_t reserved[2] = {};
};

}  // namespace stint
