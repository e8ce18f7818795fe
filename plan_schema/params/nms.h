// ONNX NonMaxSuppression. Inputs boxes f32 [batch, rows, 4], scores f32 [batch, classes, rows];
// output i64 [bound, 3] of (batch, class, row) in the order of selection, unused rows -1.
#pragma once

#include <cstdint>

namespace stint {

struct NmsParams {
  int64_t max_output_per_class = 0;
  float iou_threshold = 0.0f;
  float score_threshold = 0.0f;
  uint8_t has_score_threshold = 0;
  uint8_t center_point_box = 0;  // cx, cy, w, h instead of two opposite corners y, x, y, x
  uint8_t reserved[6] = {};
};

/// Scratch of one worker, bytes: the order of the rows by score.
constexpr uint64_t nms_scratch_bytes(uint64_t rows) { return rows * sizeof(int32_t); }

}  // namespace stint
