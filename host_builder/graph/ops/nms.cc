// ONNX's NonMaxSuppression.
#include <algorithm>

#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_nms(const InferenceContext& c) {
  const auto& a = c.as<NmsAttributes>();
  const Shape& boxes = c.shape(0);
  const Shape& scores = c.shape(1);
  c.require(boxes.size() == 3 && boxes[2] == 4,
            "boxes must be [batches, boxes, 4], they are " + shape_text(boxes));
  c.require(scores.size() == 3 && scores[0] == boxes[0] && scores[2] == boxes[1],
            "scores must be [batches, classes, boxes], they are " + shape_text(scores) +
                " for boxes " + shape_text(boxes));
  const int64_t per_class = std::clamp<int64_t>(a.max_output_per_class, 0, boxes[1]);
  // scores has batches * classes * boxes elements, so the product cannot overflow.
  return {{DType::kI64, {boxes[0] * scores[1] * per_class, 3}}};
}

std::string print_nms(const Attributes& attributes) {
  const auto& a = std::get<NmsAttributes>(attributes);
  Words w;
  w.add("max_output_per_class", a.max_output_per_class).add("iou_threshold", a.iou_threshold);
  if (a.has_score_threshold) w.add("score_threshold", a.score_threshold);
  return w.flag("center_point_box", a.center_point_box).text();
}

double nms_folding_work(const Graph& graph, const Node& node) {
  const double boxes = elements_of(graph, node.inputs[0]);
  const double scores = elements_of(graph, node.inputs[1]);
  return boxes * boxes + scores * scores + elements_of(graph, node.outputs);
}

}  // namespace

constinit const OpDef ops::kNonMaxSuppression = {
    .name = "NonMaxSuppression",
    .arity = {2, 2, 1, 1},
    .has_its_attributes = has<NmsAttributes>,
    .types = {kNumbers, exactly(DType::kI64)},
    .infer = infer_nms,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::gives_rows_of_all(),
    .doubles = Doubles::kAsFloats,
    .products = no_products,
    .folding_work = nms_folding_work,
    .print = print_nms,
};

}  // namespace stint::builder
