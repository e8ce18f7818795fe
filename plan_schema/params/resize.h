// ONNX Resize. Input x, output y of the same type and rank; arrays are per axis in physical order.
// Nearest takes any type, the others f32, u8, i8 and i32 (rounded to the nearest even, saturated).
#pragma once

#include "plan_schema/types.h"

namespace stint {

enum class ResizeMode : uint8_t { kNearest = 0, kLinear, kCubic };
enum class CoordinateMode : uint8_t {
  kHalfPixel = 0,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfCropAndResize,
  kTfHalfPixelForNn
};
enum class NearestMode : uint8_t { kRoundPreferFloor = 0, kRoundPreferCeil, kFloor, kCeil };

struct ResizeParams {
  ResizeMode mode = ResizeMode::kNearest;
  CoordinateMode coordinate = CoordinateMode::kHalfPixel;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  uint8_t exclude_outside = 0;  // taps beyond the edge weigh nothing, the others are scaled up
  uint8_t antialias = 0;        // widens the filter when shrinking
  uint8_t reserved[3] = {};
  float cubic_a = -0.75f;
  float extrapolation = 0.0f;      // kTfCropAndResize: value of what lies outside
  float scales[kMaxRank] = {};     // output / input
  float roi_start[kMaxRank] = {};  // kTfCropAndResize only, 0..1 of the axis
  float roi_end[kMaxRank] = {};
};

}  // namespace stint
