// A camera frame as kernels read it, on the CPU and on GPUs. Callers give a stint_image
// (core/include/stint/stint.h).
#pragma once

#include <cstdint>

#include "plan_schema/types.h"

namespace stint {

struct ImageView {
  const void* planes[3];
  int32_t strides[3];  // bytes
  uint32_t width;      // pixels
  uint32_t height;
  uint32_t format;                                   // PixelFormat
  uint32_t matrix;                                   // ColorMatrix
  uint32_t range;                                    // ColorRange
  uint32_t crop_x, crop_y, crop_width, crop_height;  // 0 x 0: the whole frame
};

/// One detected object in pixels of the source frame. Same layout as stint_detection.
struct Detection {
  float x1, y1, x2, y2, score;
  int32_t class_id;
};

}  // namespace stint
