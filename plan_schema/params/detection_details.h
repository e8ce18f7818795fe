// What a detector says of a detection beyond its upright box: masks, keypoints, rotated boxes
// (YOLO's seg, pose and obb heads).
//
// All read the detector's head as kDecode does, at the rows that it kept: input 0 the head, f32
// [n, rows, columns] or, transposed, [n, columns, rows]; input 1 the rows, i32 [n, max]. A row that
// the head does not have (-1 beyond the count) gives zeros.
//
//   kDetectionMasks      input 2 prototypes f32 [n, height, width, coefficients]; output u8
//                        [n, max, height, width]. Pixel (x, y) is 1 where the sum of coefficient
//                        times prototype is above `threshold` and the pixel belongs to the box:
//                        x1 <= x < x2 with the box scaled from the network's input to width x
//                        height, y alike. Pixel (x, y) covers [x, x + 1) * input_width / width of
//                        the network's input.
//   kDetectionKeypoints  output f32 [n, max, points, 3]: x, y in pixels of the source frame,
//                        clipped to it; then the head's third value as it is, 1 where it has only
//                        two.
//   kRotatedBoxes        input 2 the detections, f32 [n, max, 6]; output f32 [n, max, 7]: centre
//                        x, y, width, height in pixels of the source frame (not clipped), angle in
//                        radians from x towards y in [0, pi / 2), score, class as a number. Where
//                        the frame was fitted with two different scales, a turned box is no box in
//                        the frame: width and height follow their sides, the angle follows the
//                        width's side.
#pragma once

#include "plan_schema/types.h"

namespace stint {

/// Of all three; what a kernel does not name below it ignores.
struct DetectionDetailParams {
  FitMode fit = FitMode::kStretch;  // how the frame was fitted, undone for keypoints and boxes
  uint8_t transposed = 0;
  uint8_t center_boxes = 0;      // columns 0..3 are cx, cy, w, h instead of x1, y1, x2, y2
  uint8_t normalized_boxes = 0;  // boxes and keypoints in 0..1 of the network's input
  int32_t first_column = 0;      // the first coefficient, the first keypoint's x, the angle
  int32_t point_values = 3;      // kDetectionKeypoints: 2 or 3
  int32_t input_width = 0;       // network input, pixels
  int32_t input_height = 0;
  float threshold = 0.0f;  // kDetectionMasks: of the sum, before any sigmoid
};

}  // namespace stint
