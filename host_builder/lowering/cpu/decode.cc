// Network outputs -> detections, best classes, class masks.
#include "plan_schema/params/decode.h"

#include <algorithm>

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"

namespace stint::builder {
namespace {

/// A preparation for suppression that no network in use exceeds; more would only cost time.
constexpr int64_t kDefaultCandidates = 4096;

ScoreFunction score_function(const DecodeAttributes& a) {
  if (a.apply_softmax) return ScoreFunction::kSoftmax;
  return a.apply_sigmoid ? ScoreFunction::kSigmoid : ScoreFunction::kNone;
}

int64_t score_rows(const Graph& graph, const Node& node, const DecodeAttributes& a) {
  int64_t rows = 0;
  const bool separate = a.kind == DecoderKind::kSsdPriors || a.kind == DecoderKind::kBoxesScores;
  for (size_t i = separate ? 1 : 0; i < node.inputs.size(); ++i) {
    rows += graph.value(node.inputs[i]).shape.at(a.transposed ? 2 : 1);
    if (a.kind != DecoderKind::kYoloAnchors) break;
  }
  return rows;
}

int64_t candidate_limit(const Graph& graph, const Node& node, const DecodeAttributes& a) {
  const int64_t reported = a.classes - a.first_class - (a.no_object_last ? 1 : 0);
  const int64_t per_row = a.multi_label ? std::max<int64_t>(1, reported) : 1;
  const int64_t all = score_rows(graph, node, a) * per_row;
  const int64_t wanted = a.max_candidates > 0 ? a.max_candidates : kDefaultCandidates;
  return std::clamp<int64_t>(std::min(all, wanted), 1, kMaxCandidates);
}

void set_levels(const DecodeAttributes& a, DecodeParams* p) {
  p->level_count = static_cast<uint8_t>(a.strides.size());
  for (size_t i = 0; i < a.strides.size(); ++i) {
    DecodeLevel& l = p->levels[i];
    l.stride = a.strides[i];
    l.grid_width = static_cast<int32_t>(grid_cells(a.input_width, l.stride));
    l.grid_height = static_cast<int32_t>(grid_cells(a.input_height, l.stride));
    if (a.kind != DecoderKind::kYoloAnchors) continue;
    const size_t pairs = a.anchors.size() / 2 / a.strides.size();
    l.anchor_count = static_cast<int32_t>(pairs);
    for (size_t k = 0; k < pairs; ++k) {
      l.anchors[k][0] = a.anchors[2 * (i * pairs + k)];
      l.anchors[k][1] = a.anchors[2 * (i * pairs + k) + 1];
    }
  }
}

bool can_decode(const Graph&, const Node& node) { return node.op == Op::kDecode; }

StepSpec lower_decode(Graph& graph, const Node& node) {
  const auto& a = node.as<DecodeAttributes>();
  if (a.strides.size() > static_cast<size_t>(kMaxDecodeLevels))
    throw BuildError("node '" + node.name + "' (Decode): " + std::to_string(a.strides.size()) +
                     " levels, at most " + std::to_string(kMaxDecodeLevels) + " are possible");
  if (a.kind == DecoderKind::kYoloAnchors && !a.strides.empty() &&
      a.anchors.size() / 2 / a.strides.size() > static_cast<size_t>(kMaxLevelAnchors))
    throw BuildError("node '" + node.name + "' (Decode): more than " +
                     std::to_string(kMaxLevelAnchors) + " anchors per level");
  DecodeParams p;
  p.kind = a.kind;
  p.fit = a.fit;
  p.score_function = score_function(a);
  p.normalized_boxes = a.normalized_boxes;
  p.center_boxes = a.center_boxes;
  p.transposed = a.transposed;
  p.class_agnostic_nms = a.class_agnostic_nms;
  p.multi_label = a.multi_label;
  p.scaled_anchors = a.scaled_anchors;
  p.anchor_major = a.anchor_major;
  p.flags =
      static_cast<uint8_t>((a.y_first ? kYFirst : 0) | (a.row_labels ? kRowLabels : 0) |
                           (a.row_counts ? kRowCounts : 0) |
                           (a.no_object_last ? kNoObjectLast : 0) | (a.rotated ? kRotated : 0));
  p.classes = static_cast<int32_t>(a.classes);
  p.first_class = static_cast<int32_t>(a.first_class);
  p.input_width = static_cast<int32_t>(a.input_width);
  p.input_height = static_cast<int32_t>(a.input_height);
  p.max_candidates = static_cast<int32_t>(candidate_limit(graph, node, a));
  p.score_threshold = a.score_threshold;
  p.iou_threshold = a.iou_threshold;
  for (size_t i = 0; i < 2 && i < a.variances.size(); ++i) p.variances[i] = a.variances[i];
  set_levels(a, &p);
  StepSpec step = step_for(node, KernelId::kDecode, "decode and suppress");
  step.params = to_bytes(p);
  step.workspace_bytes = decode_workspace_bytes(static_cast<uint64_t>(graph.batch),
                                                static_cast<uint64_t>(p.max_candidates));
  step.image_binding = static_cast<int>(a.image);
  step.bytes = moved_bytes(graph, node);
  return step;
}

bool can_top_classes(const Graph&, const Node& node) { return node.op == Op::kTopClasses; }

StepSpec lower_top_classes(Graph& graph, const Node& node) {
  const auto& a = node.as<DecodeAttributes>();
  TopClassesParams p;
  p.fit = a.fit;
  p.score_function = score_function(a);
  p.input_width = static_cast<int32_t>(a.input_width);
  p.input_height = static_cast<int32_t>(a.input_height);
  p.first_class = static_cast<int32_t>(a.first_class);
  p.score_threshold = a.score_threshold;
  StepSpec step = step_for(node, KernelId::kTopClasses, "top classes");
  step.params = to_bytes(p);
  step.image_binding = static_cast<int>(a.image);
  step.bytes = moved_bytes(graph, node);
  return step;
}

bool can_argmax_mask(const Graph& graph, const Node& node) {
  if (node.op != Op::kArgmaxMask) return false;
  const Value& x = graph.value(node.inputs.at(0));
  const int64_t axis = normalized_axis(node.as<AxisAttributes>().axis, x.shape.size(), node);
  return x.dtype == DType::kF32 && x.shape[static_cast<size_t>(axis)] <= 256;
}

StepSpec lower_argmax_mask(Graph& graph, const Node& node) {
  ArgmaxMaskParams p;
  p.axis = static_cast<int32_t>(normalized_axis(node.as<AxisAttributes>().axis,
                                                graph.value(node.inputs.at(0)).shape.size(), node));
  StepSpec step = step_for(node, KernelId::kArgmaxMask, "argmax mask");
  step.params = to_bytes(p);
  step.bytes = moved_bytes(graph, node);
  return step;
}

}  // namespace

const Family kDecodeFamily = one_way<can_decode, lower_decode, memory_bound_us>("decode");
const Family kTopClassesFamily =
    one_way<can_top_classes, lower_top_classes, memory_bound_us>("top_classes");
const Family kArgmaxMaskFamily =
    one_way<can_argmax_mask, lower_argmax_mask, memory_bound_us>("argmax_mask");

}  // namespace stint::builder
