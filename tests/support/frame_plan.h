// A plan from frame to detections, as small as it can be: what a camera pipeline uses, without a
// network in between.
#pragma once

#include "tests/support/plan_spec.h"

namespace stint::test {

inline constexpr uint32_t kFrameSide = 8;        // network input, pixels
inline constexpr uint32_t kFrameDetections = 5;  // per batch slot

/// Image input 8x8x3, letterboxed; its values are read twice: as 16 boxes with scores of 3 classes
/// (detections with suppression) and, reshaped, as scores of 192 classes (best five, in a second
/// output of detections).
PlanSpec frame_plan(uint32_t batch);

}  // namespace stint::test
