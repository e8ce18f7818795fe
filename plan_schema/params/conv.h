// Parameters of the convolution family. Spatial axes are listed outermost first; activations are
// channels-last (N, spatial..., C). Inputs: x, weights, [bias], [residual]. Output: y. Weights as
// the kernel's packing says.
#pragma once

#include "plan_schema/params/epilogue.h"

namespace stint {

inline constexpr int kMaxSpatial = 3;

struct ConvParams {
  uint8_t spatial_rank = 2;  // 1..3; kConv and kConvDepthwise take 2 only
  uint8_t reserved[3] = {};
  int32_t groups = 1;
  int32_t kernel[kMaxSpatial] = {1, 1, 1};
  int32_t stride[kMaxSpatial] = {1, 1, 1};
  int32_t dilation[kMaxSpatial] = {1, 1, 1};
  int32_t pad_begin[kMaxSpatial] = {0, 0, 0};  // zero padding; ends follow from the output's shape
  EpilogueParams epilogue;
};

}  // namespace stint
