// Masks, keypoints and rotated boxes of detections.
#include "host_builder/graph/ops/parts.h"

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

Types infer_detection_masks(const InferenceContext& c) {
  const Shape& prototypes = c.shape(2);
  c.require(
      prototypes.size() == 4 && prototypes[0] == c.shape(0)[0],
      "prototypes must be [n, height, width, coefficients], they are " + shape_text(prototypes));
  const int64_t most = places(c, prototypes[3]);
  return {{DType::kU8, {prototypes[0], most, prototypes[1], prototypes[2]}}};
}

Types infer_detection_keypoints(const InferenceContext& c) {
  const TensorType& wanted = c.declared_output();
  c.require(wanted.shape.size() == 4,
            "the result must be [n, max, points, 3], it is " + shape_text(wanted.shape));
  const int64_t values = c.as<DetectionDetailAttributes>().point_values;
  c.require(values == 2 || values == 3, "a keypoint has 2 or 3 values");
  const int64_t points = wanted.shape[2];
  c.require(points >= 1 && points <= kMaxElements / values, "needs one keypoint or more");
  return {{DType::kF32, {c.shape(0).at(0), places(c, points * values), points, 3}}};
}

Types infer_rotated_boxes(const InferenceContext& c) {
  const int64_t most = places(c, 1);
  const Shape detections = {c.shape(0)[0], most, 6};
  c.require(c.shape(2) == detections, "detections must be " + shape_text(detections) +
                                          ", they are " + shape_text(c.shape(2)));
  return {{DType::kF32, {detections[0], most, 7}}};
}

std::string print_details(const Attributes& attributes) {
  const auto& a = std::get<DetectionDetailAttributes>(attributes);
  Words w;
  w.add("first_column", a.first_column).add("point_values", a.point_values);
  w.add("threshold", a.threshold).flag("transposed", a.transposed);
  w.flag("center_boxes", a.center_boxes).flag("normalized_boxes", a.normalized_boxes);
  return w.network_input(a.input_width, a.input_height, a.fit, a.image).text();
}

}  // namespace

constinit const OpDef ops::kDetectionMasks = {
    .name = "DetectionMasks",
    .arity = {3, 3, 1, 1},
    .has_its_attributes = has<DetectionDetailAttributes>,
    .types = {{kNumbers, exactly(DType::kI32), kNumbers}, exactly(DType::kU8)},
    .infer = infer_detection_masks,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::minds(),
    .batch = kAroundNetwork,
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_details,
};

constinit const OpDef ops::kDetectionKeypoints = {
    .name = "DetectionKeypoints",
    .arity = {2, 2, 1, 1},
    .has_its_attributes = has<DetectionDetailAttributes>,
    .types = {{kNumbers, exactly(DType::kI32)}, exactly(DType::kF32)},
    .infer = infer_detection_keypoints,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::minds(),
    .batch = kAroundNetwork,
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_details,
};

constinit const OpDef ops::kRotatedBoxes = {
    .name = "RotatedBoxes",
    .arity = {3, 3, 1, 1},
    .has_its_attributes = has<DetectionDetailAttributes>,
    .types = {{kNumbers, exactly(DType::kI32), kNumbers}, exactly(DType::kF32)},
    .infer = infer_rotated_boxes,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::minds(),
    .batch = kAroundNetwork,
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_details,
};

}  // namespace stint::builder
