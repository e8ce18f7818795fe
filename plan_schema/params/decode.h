// Network outputs -> detections in source-frame pixels.
//
// kDecode: inputs as the decoder wants them (below), outputs f32 [n, max, 6] (struct Detection) and
// i32 [n] (how many); optional third output i32 [n, max]: the row that each detection was made of,
// -1 beyond the count (params/detection_details.h). kTopClasses: input scores f32 [n, classes]; the
// first two outputs; the box is the part of the frame that was classified. kArgmaxMask: input f32,
// output u8 with the class axis removed; the first of equal scores wins.
//
// Inputs of kDecode, all f32:
//   kYoloxGrid: one [n, rows, 5 + classes + more] (x, y, w, h, objectness, classes, what is not
//     read); rows of all levels one after another, each level row-major. With no levels the boxes
//     are decoded already (YOLOv5's exported head).
//   kYoloAnchorFree: one [n, rows, 4 + classes + more] or, transposed, [n, 4 + classes + more,
//     rows]; boxes decoded already.
//   kYoloAnchors: one [n, rows, 5 + classes] per level, rows = (y, x, anchor) or, anchor_major,
//     (anchor, y, x).
//   kSsdPriors: offsets [n, rows, 4], scores [n, rows, classes] or transposed, priors [rows, 4].
//   kBoxesScores: boxes [n, rows, 4], scores [n, rows, classes] or, transposed, [n, classes, rows];
//     with kRowLabels, scores [n, rows, 1] and the class ids of the rows [n, rows, 1]; with
//     kRowCounts, how many rows count [n, 1, 1], last.
//   kEndToEnd: one [n, rows, 6 + more] (x1, y1, x2, y2, score, class id).
// What stands behind the columns that are read (masks' coefficients, keypoints) is no score.
#pragma once

#include "plan_schema/types.h"

namespace stint {

enum class DecoderKind : uint8_t {
  kYoloxGrid = 0,
  kYoloAnchorFree,
  kYoloAnchors,
  kSsdPriors,
  kBoxesScores,
  kTopClasses,
  kEndToEnd
};
inline constexpr uint8_t kDecoderKindCount = 7;

/// DecodeParams::flags.
enum DecodeFlag : uint8_t {
  kYFirst = 1,        // boxes (and priors) are y1, x1, y2, x2 or cy, cx, h, w
  kRowLabels = 2,     // kBoxesScores: one score a row, its class id in an operand of its own
  kRowCounts = 4,     // kBoxesScores: an operand says how many rows count
  kNoObjectLast = 8,  // the last class means "no object": part of the softmax, never reported
  // kYoloAnchorFree and kEndToEnd with center_boxes: the column behind those that are read turns
  // the box about its centre, radians, x towards y. The detection is the upright hull. Boxes
  // suppress each other by the overlap of their Gaussians (ProbIoU).
  kRotated = 16,
};
inline constexpr uint8_t kDecodeFlags = 31;

/// Function applied to raw class scores (and objectness) before they are compared.
enum class ScoreFunction : uint8_t { kNone = 0, kSigmoid = 1, kSoftmax = 2 };

inline constexpr int kMaxDecodeLevels = 8;
inline constexpr int kMaxLevelAnchors = 8;
inline constexpr int64_t kMaxDetections = 8192;
/// With the limit above, suppression stays under a second.
inline constexpr int64_t kMaxCandidates = 65536;

/// Cells of stride `stride` (at least 1) along a side: one that does not divide it is rounded up,
/// as a padded convolution gives it.
constexpr int64_t grid_cells(int64_t side, float stride) {
  return static_cast<int64_t>((static_cast<double>(side) + static_cast<double>(stride) - 1.0) /
                              static_cast<double>(stride));
}

struct DecodeLevel {
  float stride = 0.0f;  // network pixels per cell
  int32_t grid_width = 0;
  int32_t grid_height = 0;
  int32_t anchor_count = 1;                 // boxes per cell
  float anchors[kMaxLevelAnchors][2] = {};  // width, height in network pixels; kYoloAnchors only
};

struct DecodeParams {
  DecoderKind kind = DecoderKind::kYoloxGrid;
  FitMode fit = FitMode::kStretch;  // how the frame was fitted, undone for the boxes
  ScoreFunction score_function = ScoreFunction::kNone;
  uint8_t normalized_boxes = 0;  // boxes in 0..1 of the network input
  uint8_t center_boxes = 0;      // boxes, or kSsdPriors' priors, are cx, cy, w, h (else corners)
  uint8_t transposed = 0;        // scores, or the whole head, are channels first
  uint8_t class_agnostic_nms = 0;
  uint8_t multi_label = 0;     // every class over the threshold counts, not only a row's best
  uint8_t scaled_anchors = 0;  // kYoloAnchors: YOLOv5's (2 sigmoid)^2 sizes; else exp as in YOLOv3
  uint8_t anchor_major = 0;    // kYoloAnchors: see above
  uint8_t level_count = 0;
  uint8_t flags = 0;    // of DecodeFlag
  int32_t classes = 0;  // scores per row, background included; with class ids: above all of them
  int32_t first_class = 0;  // classes below are background and never reported
  int32_t input_width = 0;  // network input, pixels
  int32_t input_height = 0;
  int32_t max_candidates = 0;     // best-scored ones that enter suppression; the others are dropped
  float score_threshold = 0.25f;  // detections have at least this score
  float iou_threshold = 0.45f;    // what overlaps a better box by more is dropped; 1: nothing is
  float variances[2] = {1.0f, 1.0f};  // kSsdPriors: of centre and size
  DecodeLevel levels[kMaxDecodeLevels];
};

/// A box that may become a detection. Scratch of kDecode: max_candidates of them per batch slot.
struct DecodeCandidate {
  float score;
  int32_t class_id;
  int32_t row;   // among all levels; equal scores are ordered by row, then class
  float area;    // rotated: the Gaussian's covariance of x and y
  float box[4];  // x1, y1, x2, y2 in network pixels; rotated: centre x, y, variance of x, of y
};

/// Workspace of kDecode, bytes.
constexpr uint64_t decode_workspace_bytes(uint64_t batch, uint64_t max_candidates) {
  return batch * max_candidates * sizeof(DecodeCandidate);
}

struct TopClassesParams {
  FitMode fit = FitMode::kStretch;
  ScoreFunction score_function = ScoreFunction::kNone;  // kNone or kSoftmax or kSigmoid
  uint8_t reserved[2] = {};
  int32_t input_width = 0;
  int32_t input_height = 0;
  int32_t first_class = 0;
  float score_threshold = 0.0f;
};

struct ArgmaxMaskParams {
  int32_t axis = 0;  // of the input, physical order
  int32_t reserved = 0;
};

}  // namespace stint
