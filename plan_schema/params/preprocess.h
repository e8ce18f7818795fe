// Camera frame -> network input. No tensor inputs; the frames are the step's image binding. Output:
// [n, height, width, channels], channels dense: f32 x = (pixel - mean[c]) * scale[c] with pixel in
// 0..255 and c in the network's channel order; or u8, the pixel itself, rounded to the nearest
// whole number and halves to the even one (mean 0 and scale 1).
#pragma once

#include "plan_schema/types.h"

namespace stint {

inline constexpr int32_t kMaxFrameSide = 32768;    // source frames
inline constexpr int32_t kMaxNetworkSide = 16384;  // network inputs

struct PreprocessParams {
  int32_t width = 0;  // of the network input, pixels
  int32_t height = 0;
  uint8_t channels = 3;  // 1 or 3
  FitMode fit = FitMode::kStretch;
  uint8_t order_bgr = 0;  // the network wants blue first; ignored for one channel
  uint8_t reserved = 0;
  float pad_value = 0.0f;  // 0..255, before mean and scale
  float mean[3] = {0.0f, 0.0f, 0.0f};
  float scale[3] = {1.0f, 1.0f, 1.0f};
};
static_assert(sizeof(PreprocessParams) == 40);

}  // namespace stint
