// Masks, keypoints and rotated boxes of detections.
#include "host_builder/graph/inference_context.h"

namespace stint::builder {
namespace {

/// How many detections the kept rows have room for, after head and rows were looked at. `columns`
/// are read from first_column on.
int64_t places(const InferenceContext& c, int64_t columns) {
  const auto& a = c.as<DetectionDetailAttributes>();
  c.require(c.rank(0) == 3,
            "the head must be [n, rows, columns] or transposed, it is " + shape_text(c.shape(0)));
  c.require(c.dtype(1) == DType::kI32 && c.rank(1) == 2 && c.shape(1)[0] == c.shape(0)[0],
            "kept rows must be i32 [" + std::to_string(c.shape(0)[0]) + ", max], they are " +
                shape_text(c.shape(1)));
  const int64_t found = c.shape(0)[a.transposed ? 1 : 2];
  c.require(a.first_column >= 4 && columns >= 1 && found - columns >= a.first_column,
            "columns " + std::to_string(a.first_column) + " to " +
                std::to_string(a.first_column + columns - 1) + " are not in the head " +
                shape_text(c.shape(0)));
  return c.shape(1)[1];
}

}  // namespace

std::vector<TensorType> infer_detection_masks(const InferenceContext& c) {
  c.operand_count(3, 3);
  const Shape& prototypes = c.shape(2);
  c.require(
      prototypes.size() == 4 && prototypes[0] == c.shape(0)[0],
      "prototypes must be [n, height, width, coefficients], they are " + shape_text(prototypes));
  const int64_t most = places(c, prototypes[3]);
  return {{DType::kU8, {prototypes[0], most, prototypes[1], prototypes[2]}}};
}

std::vector<TensorType> infer_detection_keypoints(const InferenceContext& c) {
  c.operand_count(2, 2);
  const TensorType& wanted = c.declared_output();
  c.require(wanted.shape.size() == 4,
            "the result must be [n, max, points, 3], it is " + shape_text(wanted.shape));
  const int64_t values = c.as<DetectionDetailAttributes>().point_values;
  c.require(values == 2 || values == 3, "a keypoint has 2 or 3 values");
  const int64_t points = wanted.shape[2];
  c.require(points >= 1 && points <= kMaxElements / values, "needs one keypoint or more");
  return {{DType::kF32, {c.shape(0).at(0), places(c, points * values), points, 3}}};
}

std::vector<TensorType> infer_rotated_boxes(const InferenceContext& c) {
  c.operand_count(3, 3);
  const int64_t most = places(c, 1);
  const Shape detections = {c.shape(0)[0], most, 6};
  c.require(c.shape(2) == detections, "detections must be " + shape_text(detections) +
                                          ", they are " + shape_text(c.shape(2)));
  return {{DType::kF32, {detections[0], most, 7}}};
}

}  // namespace stint::builder
