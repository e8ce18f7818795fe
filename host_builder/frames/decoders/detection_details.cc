#include "host_builder/frames/decoders/detection_details.h"

#include "host_builder/frames/decoders/yolo_rows.h"
#include "host_builder/frames/graph_edit.h"
#include "host_builder/graph/shape.h"

namespace stint::builder {
namespace {

/// [n, k, h, w] of the output that masks= names.
const Shape& prototype_shape(const DecoderInsertion& in) {
  const ValueId id = in.named_output(in.spec.masks);
  const Shape& s = in.shape(id);
  if (s.size() != 4)
    in.fail("masks= wants prototypes [n, k, h, w], output " + in.describe(id) + " are none",
            "name the output with four axes");
  in.check_batch(id, s);
  return s;
}

}  // namespace

void refuse_other_details(const DecoderInsertion& in) {
  const PostprocessSpec& spec = in.spec;
  const std::string details = spec.details();
  if (details.empty()) return;
  const int kinds = int{!spec.masks.empty()} + int{spec.keypoints.has_value()} + int{spec.rotated};
  if (kinds > 1)
    in.fail(
        "a model says one of masks=, keypoints= and rotated of its boxes, " + details + " is given",
        "leave out what the model was not trained for");
  if (!spec.masks.empty()) prototype_shape(in);
  if (spec.y_first)
    in.fail("reads " + details + " beside boxes with x first only", "leave yxyx out");
}

std::string advice_on_masks(const DecoderInsertion& in) {
  if (in.graph.outputs.size() != 2 || !in.spec.masks.empty()) return {};
  for (size_t i = 0; i < 2; ++i) {
    const ValueId head = in.graph.outputs[i], prototypes = in.graph.outputs[1 - i];
    if (in.shape(head).size() != 3 || in.shape(prototypes).size() != 4) continue;
    return "add masks=" + in.graph.value(prototypes).name +
           " if these are the prototypes of masks, or choose with output=" +
           in.graph.value(head).name;
  }
  return {};
}

std::vector<int64_t> possible_detail_columns(const DecoderInsertion& in) {
  const PostprocessSpec& spec = in.spec;
  if (!spec.masks.empty()) return {prototype_shape(in)[1]};
  if (spec.rotated) return {1};
  if (spec.keypoints) return {3 * *spec.keypoints, 2 * *spec.keypoints};
  return {0};
}

HeadColumns head_columns(const DecoderInsertion& in, const Shape& head, int64_t before) {
  const std::optional<int64_t>& classes = in.spec.classes;
  if (in.spec.keypoints && !classes)
    in.fail("keypoints= needs classes=, as the columns tell only the sum of both",
            "add classes=N with the model's number of classes");
  const std::vector<int64_t> details = possible_detail_columns(in);
  for (const int64_t columns : details) {
    const int64_t needed = before + classes.value_or(0) + columns;
    if (classes && (head[1] == needed || head[2] == needed))
      return {channels_first(head, before + columns, classes), columns};
  }
  return {channels_first(head, before + details[0], classes), details[0]};
}

void set_head_classes(DecoderInsertion& in, const HeadColumns& head, int64_t room, ValueId output) {
  if (head.details == 0) return in.set_classes_within(room, output);
  const int64_t found = room - head.details;
  if (found < 1 || (in.spec.classes && *in.spec.classes != found))
    in.fail("output " + in.describe(output) + " has " + std::to_string(room) +
                " columns behind the box, which " +
                (in.spec.classes ? "classes=" + std::to_string(*in.spec.classes) + " and " : "") +
                in.spec.details() + " do not fill",
            "give the numbers that the model was trained with");
  in.set_classes(found, output);
}

ValueId append_details(DecoderInsertion& in, const DetailColumns& columns, ValueId detections,
                       ValueId rows) {
  Graph& graph = in.graph;
  const DecodeAttributes& d = in.attributes;
  DetectionDetailAttributes a;
  a.first_column = columns.first;
  a.transposed = d.transposed;
  a.center_boxes = d.center_boxes || d.kind == DecoderKind::kYoloxGrid;
  a.normalized_boxes = d.normalized_boxes;
  a.input_width = d.input_width;
  a.input_height = d.input_height;
  a.fit = d.fit;
  a.image = d.image;
  Node node;
  node.inputs = {in.operands.at(0), rows};
  DType dtype = DType::kF32;
  Shape shape = {graph.batch, d.max_detections};
  if (!in.spec.masks.empty()) {
    const ValueId prototypes = in.use(in.named_output(in.spec.masks));
    const Shape s = in.shape(prototypes);
    node.name = "masks";
    node.op = Op::kDetectionMasks;
    // Pixels outermost: where the network is channels last, this moves nothing.
    node.inputs.push_back(transpose_by(graph, cast_to_f32(graph, prototypes), {0, 2, 3, 1}));
    dtype = DType::kU8;
    shape.insert(shape.end(), {s[2], s[3]});
  } else if (in.spec.keypoints) {
    node.name = "keypoints";
    node.op = Op::kDetectionKeypoints;
    a.point_values = columns.count / *in.spec.keypoints;
    shape.insert(shape.end(), {*in.spec.keypoints, 3});
  } else {
    node.name = "rotated";
    node.op = Op::kRotatedBoxes;
    node.inputs.push_back(detections);
    shape.push_back(7);
  }
  node.attributes = a;
  const ValueId result = graph.add_value(graph.unique_name(node.name), dtype, std::move(shape));
  node.outputs = {result};
  graph.add_node(std::move(node));
  return result;
}

}  // namespace stint::builder
