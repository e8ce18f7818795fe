// What a frame's network outputs mean: detections, classes, a mask of classes.
#include "host_builder/graph/op_names.h"
#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_decode(const InferenceContext& c) {
  c.require(!c.inputs.empty(), "needs the network's outputs");
  const auto& a = c.as<DecodeAttributes>();
  c.require(a.max_detections >= 1, "max_detections must be 1 or more");
  return {{DType::kF32, {c.graph.batch, a.max_detections, 6}},
          {DType::kI32, {c.graph.batch}},
          {DType::kI32, {c.graph.batch, a.max_detections}}};
}

Types infer_argmax_mask(const InferenceContext& c) {
  const int64_t axis = normalize_axis(c.as<AxisAttributes>().axis, c.rank(0), "axis");
  Shape removed = c.shape(0), kept = c.shape(0);
  removed.erase(removed.begin() + axis);
  kept[axis] = 1;
  if (!c.declared.empty() && c.declared[0].shape == kept) return {{DType::kU8, kept}};
  return {{DType::kU8, removed}};
}

std::string print_decode(const Attributes& attributes) {
  static constexpr const char* kKinds[] = {"yolox_grid", "yolo_anchor_free", "yolo_anchors",
                                           "ssd_priors", "boxes_scores",     "top_classes",
                                           "end_to_end"};
  const auto& a = std::get<DecodeAttributes>(attributes);
  Words w;
  w.add("kind", kKinds[static_cast<int>(a.kind)]).add("score_threshold", a.score_threshold);
  w.add("iou_threshold", a.iou_threshold).add("max_detections", a.max_detections);
  w.add("classes", a.classes).add("first_class", a.first_class);
  if (!a.strides.empty()) w.list("strides", a.strides);
  if (!a.anchors.empty()) w.list("anchors", a.anchors);
  if (!a.variances.empty()) w.list("variances", a.variances);
  w.flag("normalized_boxes", a.normalized_boxes).flag("center_boxes", a.center_boxes);
  w.flag("class_agnostic_nms", a.class_agnostic_nms).flag("apply_sigmoid", a.apply_sigmoid);
  w.flag("apply_softmax", a.apply_softmax).flag("multi_label", a.multi_label);
  w.flag("y_first", a.y_first).flag("row_labels", a.row_labels).flag("row_counts", a.row_counts);
  w.flag("no_object_last", a.no_object_last).flag("rotated", a.rotated);
  w.flag("transposed", a.transposed).flag("scaled_anchors", a.scaled_anchors);
  w.flag("anchor_major", a.anchor_major).add("max_candidates", a.max_candidates);
  return w.network_input(a.input_width, a.input_height, a.fit, a.image).text();
}

}  // namespace

constinit const OpDef ops::kDecode = {
    .name = "Decode",
    .arity = {1, Arity::kAny, 2, 3},
    .has_its_attributes = has<DecodeAttributes>,
    .types = {kNumbers, {exactly(DType::kF32), exactly(DType::kI32), exactly(DType::kI32)}},
    .infer = infer_decode,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::minds(),
    .batch = kAroundNetwork,
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_decode,
};

constinit const OpDef ops::kTopClasses = {
    .name = "TopClasses",
    .arity = {1, 1, 2, 2},
    .has_its_attributes = has<DecodeAttributes>,
    .types = {kNumbers, {exactly(DType::kF32), exactly(DType::kI32)}},
    .infer = infer_decode,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::minds(),
    .batch = kAroundNetwork,
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_decode,
};

constinit const OpDef ops::kArgmaxMask = {
    .name = "ArgmaxMask",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<AxisAttributes>,
    .types = {kNumbers, exactly(DType::kU8)},
    .infer = infer_argmax_mask,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_removed_axis<AxisAttributes>),
    .batch = kAroundNetwork,
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_axis,
};

}  // namespace stint::builder
