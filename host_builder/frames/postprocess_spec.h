// --postprocess SPEC: how the network's outputs become detections, best classes or a class mask.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan_schema/params/decode.h"

namespace stint::builder {

enum class PostprocessKind : uint8_t {
  kYolox,        // grid offsets, objectness, classes
  kYolov5,       // the same, boxes decoded by the network
  kYolov8,       // decoded boxes and classes, no objectness
  kYoloAnchors,  // one raw output per level
  kSsd,          // offsets from priors
  kBoxesScores,  // decoded boxes, scores, perhaps labels
  kDetr,         // one query a row: boxes, classes with "no object" last
  kEndToEnd,     // rows of box, score, class
  kTopK,
  kArgmax,
};

/// Unset members are the decoder's defaults or follow from the model's shapes.
struct PostprocessSpec {
  PostprocessKind kind = PostprocessKind::kYolox;
  std::optional<float> score, iou, threshold;
  std::optional<int64_t> max_detections, classes, first_class, candidates, axis;
  std::optional<bool> multi_label, center_boxes, normalized;
  std::optional<ScoreFunction> function;
  bool agnostic = false, scaled_anchors = false, keep_outputs = false, y_first = false;
  bool unchecked = false;  // the user knows better than what an evaluation on noise shows
  std::vector<float> strides, anchors, variances, prior_sizes;
  std::vector<size_t> prior_counts;  // of prior_sizes, per level
  std::vector<std::string> outputs;  // output=, outputs=
  std::string boxes, scores, labels, count, priors;
  std::string masks;                 // output with the prototypes
  std::optional<int64_t> keypoints;  // how many a detection has
  bool rotated = false;              // the column behind the classes is an angle

  /// What is to be read behind the classes, as the SPEC says it; empty: nothing.
  std::string details() const;
};

/// Throws BuildError with the position, what was found and what was expected.
PostprocessSpec parse_postprocess_spec(const std::string& text);

/// The values that the decoder is told to read by name; each may be inside the model.
std::vector<std::string> named_operands(const PostprocessSpec& spec);

const char* postprocess_name(PostprocessKind kind);

/// For `stint build --help`.
const char* postprocess_grammar();

}  // namespace stint::builder
