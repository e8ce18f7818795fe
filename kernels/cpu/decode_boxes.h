// The box of one row of a detector's output, in pixels of the network input.
#pragma once

#include "kernels/cpu/kernel.h"
#include "plan_schema/params/decode.h"

namespace stint::cpu {

/// Fills x1, y1, x2, y2. `row` counts over all levels. False if the box is not a number.
bool decode_box(const DecodeParams& params, const StepArgs& args, int64_t slot, int64_t row,
                float box[4]);

/// What kRotated adds: an angle turns the box about its centre.
struct TurnedBox {
  float x, y, w, h, angle;  // network pixels, radians
};
TurnedBox turned_box(const DecodeParams& params, const StepArgs& args, int64_t slot, int64_t row);

/// Intersection over union; 0 when either box is empty.
inline float overlap(const float* a, float area_a, const float* b, float area_b) {
  const float left = a[0] > b[0] ? a[0] : b[0], right = a[2] < b[2] ? a[2] : b[2];
  const float top = a[1] > b[1] ? a[1] : b[1], bottom = a[3] < b[3] ? a[3] : b[3];
  if (!(right > left) || !(bottom > top)) return 0.0f;
  const float both = (right - left) * (bottom - top);
  return both / (area_a + area_b - both);
}

}  // namespace stint::cpu
