// Parameters of max and average pooling. Activations are channels-last (N, spatial..., C), spatial
// axes outermost first. Input: x. Outputs: y, [indices i64 of y's shape, max only].
#pragma once

#include "plan_schema/params/conv.h"

namespace stint {

struct PoolParams {
  uint8_t spatial_rank = 2;          // 1..3
  uint8_t is_max = 1;                // else average
  uint8_t count_include_pad = 0;     // average: the divisor counts padding (never beyond pad_end)
  uint8_t column_major_indices = 0;  // indices count the first spatial axis fastest, not the last
  int32_t kernel[kMaxSpatial] = {1, 1, 1};
  int32_t stride[kMaxSpatial] = {1, 1, 1};
  int32_t dilation[kMaxSpatial] = {1, 1, 1};
  int32_t pad_begin[kMaxSpatial] = {0, 0, 0};
  int32_t pad_end[kMaxSpatial] = {0, 0, 0};  // windows may reach further (ceil_mode): never counted
};

// Indices are ONNX's: flat positions in the unpadded N, C, spatial... tensor,
// ((n * C + c) * D1 + i1) * D2 + i2 ...

}  // namespace stint
