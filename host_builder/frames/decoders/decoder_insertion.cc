#include "host_builder/frames/decoders/decoder_insertion.h"

#include <algorithm>
#include <utility>

#include "host_builder/frames/decoders/detection_details.h"
#include "host_builder/frames/decoders/fitting_decoder.h"
#include "host_builder/frames/decoders/yolo_rows.h"
#include "host_builder/frames/graph_edit.h"
#include "host_builder/graph/shape.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

constexpr int64_t kDefaultDetections = 100;

}  // namespace

DecoderInsertion::DecoderInsertion(Graph& the_graph, const PostprocessSpec& the_spec)
    : graph(the_graph), spec(the_spec) {}

void DecoderInsertion::fail(const std::string& text, const std::string& remedy) const {
  std::string offer;
  for (const ValueId id : graph.outputs) offer += (offer.empty() ? "" : ", ") + describe(id);
  throw BuildError(std::string("--postprocess ") + postprocess_name(spec.kind) + ": " + text +
                   "; the model's outputs: " + (offer.empty() ? "none" : offer) + "; " + remedy);
}

void DecoderInsertion::fail_as_other_kind(const std::string& text,
                                          const std::string& remedy) const {
  const std::optional<InputSize> size = input_size();
  const std::string other =
      fitting_decoder(graph, spec.kind, size ? grid_rows(size->width, size->height) : 0);
  fail(text, remedy + (other.empty() ? ", or a decoder that fits from 'stint build --help'"
                                     : ", or use --postprocess " + other));
}

std::string DecoderInsertion::describe(ValueId id) const {
  const Value& v = graph.value(id);
  return "'" + v.name + "' " + dtype_name(v.dtype) + " " + shape_text(v.shape);
}

ValueId DecoderInsertion::named_output(const std::string& name) const {
  for (const ValueId id : graph.outputs)
    if (graph.value(id).name == name) return id;
  fail("there is no output '" + name + "'", "name one of these");
}

ValueId DecoderInsertion::single_output() {
  if (spec.outputs.size() > 1)
    fail("decodes one output, " + std::to_string(spec.outputs.size()) + " are given",
         "choose one with output=NAME");
  if (!spec.outputs.empty()) return use(named_output(spec.outputs[0]));
  std::vector<ValueId> candidates;
  for (const ValueId id : graph.outputs)
    if (spec.masks.empty() || graph.value(id).name != spec.masks) candidates.push_back(id);
  if (candidates.size() != 1) {
    const std::string text =
        "decodes one output, the model has " + std::to_string(graph.outputs.size()) + " outputs";
    const bool reads_masks = spec.kind == PostprocessKind::kYolov5 ||
                             spec.kind == PostprocessKind::kYolov8 ||
                             spec.kind == PostprocessKind::kEndToEnd;
    if (const std::string masks = reads_masks ? advice_on_masks(*this) : ""; !masks.empty())
      fail(text, masks);
    fail_as_other_kind(text, "choose with output=NAME");
  }
  return use(candidates[0]);
}

ValueId DecoderInsertion::use(ValueId id) {
  used.push_back(id);
  return id;
}

ValueId DecoderInsertion::as_rank_3(ValueId id) {
  Shape s = shape(id);
  if (s.size() == 2 && graph.batch == 1) s.insert(s.begin(), 1);
  while (s.size() > 3) {
    const auto one = std::find(s.rbegin(), s.rend() - 1, 1);
    if (one == s.rend() - 1) break;
    s.erase(std::next(one).base());
  }
  if (s.size() != 3) fail_as_other_kind("output " + describe(id) + " is not [n, rows, channels]");
  check_batch(id, s);
  return reshape_to(graph, cast_to_f32(graph, id), s);
}

ValueId DecoderInsertion::as_column(ValueId id, int64_t rows) {
  if (graph.value(id).elements() != graph.batch * rows || shape(id).empty() ||
      (graph.batch > 1 && shape(id)[0] != graph.batch))
    fail("output " + describe(id) + " does not hold one number for each of " +
             std::to_string(rows) + (rows == 1 ? " image" : " rows"),
         "name another output, or leave it out");
  return reshape_to(graph, cast_to_f32(graph, id), {graph.batch, rows, 1});
}

void DecoderInsertion::check_batch(ValueId id, const Shape& s) const {
  if (s.empty() || s[0] != graph.batch)
    fail("output " + describe(id) + " does not start with the batch of " +
             std::to_string(graph.batch),
         "export the model with the batch as first axis of its outputs, or build with --batch 1");
}

std::optional<DecoderInsertion::InputSize> DecoderInsertion::input_size() const {
  if (!graph.images.empty())
    return InputSize{graph.images[0].spec.height, graph.images[0].spec.width};
  for (const ValueId id : graph.inputs) {
    const Shape& s = shape(id);
    if (s.size() != 4) continue;
    const bool planes = s[1] == 1 || s[1] == 3 || s[1] < s[3];
    return InputSize{s[planes ? 2 : 1], s[planes ? 3 : 2]};
  }
  return std::nullopt;
}

void DecoderInsertion::prepare_detections() {
  DecodeAttributes& a = attributes;
  const std::optional<InputSize> size = input_size();
  if (!size && spec.kind != PostprocessKind::kTopK)
    fail("the size of the network's input is not known", "add --preprocess");
  a.input_width = size ? size->width : 1;
  a.input_height = size ? size->height : 1;
  if (!graph.images.empty()) {
    a.fit = graph.images[0].spec.fit;
    a.image = 0;
  }
  a.score_threshold = spec.score.value_or(0.25f);
  a.iou_threshold = spec.iou.value_or(0.45f);
  a.max_detections = spec.max_detections.value_or(kDefaultDetections);
  a.first_class = spec.first_class.value_or(0);
  a.class_agnostic_nms = spec.agnostic;
  a.multi_label = spec.multi_label.value_or(false);
  a.max_candidates = spec.candidates.value_or(0);
  a.normalized_boxes = spec.normalized.value_or(false);
  a.y_first = spec.y_first;
  set_function(ScoreFunction::kNone);
}

void DecoderInsertion::set_function(ScoreFunction usual) {
  const ScoreFunction function = spec.function.value_or(usual);
  attributes.apply_sigmoid = function == ScoreFunction::kSigmoid;
  attributes.apply_softmax = function == ScoreFunction::kSoftmax;
}

void DecoderInsertion::set_classes(int64_t found, ValueId id) {
  if (found < 1) fail_as_other_kind("output " + describe(id) + " has no room for class scores");
  if (spec.classes && *spec.classes != found)
    fail("classes=" + std::to_string(*spec.classes) + ", but output " + describe(id) + " holds " +
             std::to_string(found),
         "leave classes= out, or choose another output or decoder");
  if (attributes.first_class >= found)
    fail("first-class=" + std::to_string(attributes.first_class) + " leaves none of the " +
             std::to_string(found) + " classes",
         "give a smaller first-class=");
  attributes.classes = found;
}

void DecoderInsertion::set_classes_within(int64_t room, ValueId id) {
  if (spec.classes && *spec.classes > room)
    fail("classes=" + std::to_string(*spec.classes) + ", but output " + describe(id) +
             " has room for " + std::to_string(std::max<int64_t>(room, 0)),
         "give the model's number of classes, or choose another output or decoder");
  set_classes(spec.classes && room > 0 ? *spec.classes : room, id);
}

void DecoderInsertion::set_label_classes() {
  // Without classes= every id that a mask of labels could hold: the kernel drops others.
  attributes.classes = spec.classes.value_or(kMaxCandidates);
  attributes.multi_label = false;
  if (spec.multi_label.value_or(false))
    fail("multi-label needs a score for each class, the rows have one", "leave multi-label out");
  if (spec.function == ScoreFunction::kSoftmax)
    fail("softmax over the one score of a row is always 1",
         "leave softmax out, or give sigmoid if the scores are logits");
  if (attributes.first_class >= attributes.classes)
    fail("first-class=" + std::to_string(attributes.first_class) + " leaves none of the " +
             std::to_string(attributes.classes) + " classes",
         "give a smaller first-class=");
}

void DecoderInsertion::set_final_rows(int64_t rows, ValueId id) {
  if (rows > kMaxFinalRows && !spec.iou && !spec.unchecked)
    fail("the " + std::to_string(rows) + " rows of output " + describe(id) +
             " are more than a network leaves that suppresses overlapping boxes itself",
         "give iou=0.45 to suppress them, or iou=1 if they are final");
  attributes.iou_threshold = spec.iou.value_or(1.0f);
}

void DecoderInsertion::transpose_operand() {
  operands[0] = transpose_by(graph, operands[0], {0, 2, 1});
}

void DecoderInsertion::finish_detections(const DetailColumns& details) {
  Node node;
  const bool top = spec.kind == PostprocessKind::kTopK;
  node.name = top ? "top_classes" : "decode";
  node.op = top ? Op::kTopClasses : Op::kDecode;
  node.attributes = attributes;
  node.inputs = operands;
  DetectionOutput result;
  result.name = graph.unique_name("detections");
  result.detections =
      graph.add_value(result.name, DType::kF32, {graph.batch, attributes.max_detections, 6});
  result.counts = graph.add_value(graph.unique_name("counts"), DType::kI32, {graph.batch});
  node.outputs = {result.detections, result.counts};
  const bool has_details = !spec.details().empty();
  if (has_details)
    node.outputs.push_back(graph.add_value(graph.unique_name("kept_rows"), DType::kI32,
                                           {graph.batch, attributes.max_detections}));
  const std::vector<ValueId> outputs = node.outputs;
  graph.add_node(std::move(node));
  const ValueId detail =
      has_details ? append_details(*this, details, outputs[0], outputs[2]) : kNoValue;
  drop_used_outputs();
  graph.outputs.push_back(result.detections);
  graph.outputs.push_back(result.counts);
  if (has_details) graph.outputs.push_back(detail);
  graph.detections.push_back(std::move(result));
}

void DecoderInsertion::drop_used_outputs() {
  if (spec.keep_outputs) return;
  for (const ValueId id : used)
    graph.outputs.erase(std::remove(graph.outputs.begin(), graph.outputs.end(), id),
                        graph.outputs.end());
}

}  // namespace stint::builder
