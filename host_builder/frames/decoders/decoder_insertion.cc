#include "host_builder/frames/decoders/decoder_insertion.h"

#include <algorithm>
#include <utility>

#include "host_builder/frames/graph_edit.h"
#include "host_builder/graph/error.h"
#include "host_builder/graph/shape.h"

namespace stint::builder {
namespace {

constexpr int64_t kDefaultDetections = 100;

}  // namespace

DecoderInsertion::DecoderInsertion(Graph& the_graph, const PostprocessSpec& the_spec)
    : graph(the_graph), spec(the_spec) {}

void DecoderInsertion::fail(const std::string& text) const {
  std::string offer;
  for (const ValueId id : graph.outputs) offer += (offer.empty() ? "" : ", ") + describe(id);
  throw BuildError(std::string("--postprocess ") + postprocess_name(spec.kind) + ": " + text +
                   "; the model's outputs: " + offer);
}

std::string DecoderInsertion::describe(ValueId id) const {
  const Value& v = graph.value(id);
  return "'" + v.name + "' " + dtype_name(v.dtype) + " " + shape_text(v.shape);
}

ValueId DecoderInsertion::named_output(const std::string& name) const {
  for (const ValueId id : graph.outputs)
    if (graph.value(id).name == name) return id;
  fail("there is no output '" + name + "'");
}

ValueId DecoderInsertion::single_output() {
  if (spec.outputs.size() > 1)
    fail("decodes one output, " + std::to_string(spec.outputs.size()) + " are given");
  if (spec.outputs.empty() && graph.outputs.size() != 1)
    fail("the model has " + std::to_string(graph.outputs.size()) +
         " outputs, choose with output=NAME");
  return use(spec.outputs.empty() ? graph.outputs[0] : named_output(spec.outputs[0]));
}

ValueId DecoderInsertion::use(ValueId id) {
  used_.push_back(id);
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
  if (s.size() != 3) fail("output " + describe(id) + " is not [n, rows, channels]");
  check_batch(id, s);
  return reshape_to(graph, cast_to_f32(graph, id), s);
}

void DecoderInsertion::check_batch(ValueId id, const Shape& s) const {
  if (s.empty() || s[0] != graph.batch)
    fail("output " + describe(id) + " does not start with the batch of " +
         std::to_string(graph.batch));
}

void DecoderInsertion::set_input_size() {
  if (!graph.images.empty()) {
    const PreprocessAttributes& image = graph.images[0].spec;
    attributes.input_width = image.width;
    attributes.input_height = image.height;
    attributes.fit = image.fit;
    attributes.image = 0;
    return;
  }
  for (const ValueId id : graph.inputs) {
    const Shape& s = shape(id);
    if (s.size() != 4) continue;
    const bool planes = s[1] == 1 || s[1] == 3 || s[1] < s[3];
    attributes.input_height = s[planes ? 2 : 1];
    attributes.input_width = s[planes ? 3 : 2];
    return;
  }
  if (spec.kind != PostprocessKind::kTopK)
    fail("the size of the network's input is not known, add --preprocess");
  attributes.input_width = attributes.input_height = 1;
}

void DecoderInsertion::prepare_detections() {
  set_input_size();
  DecodeAttributes& a = attributes;
  a.score_threshold = spec.score.value_or(0.25f);
  a.iou_threshold = spec.iou.value_or(0.45f);
  a.max_detections = spec.max_detections.value_or(kDefaultDetections);
  a.first_class = spec.first_class.value_or(0);
  a.class_agnostic_nms = spec.agnostic;
  a.multi_label = spec.multi_label.value_or(false);
  a.max_candidates = spec.candidates.value_or(0);
  a.normalized_boxes = spec.normalized.value_or(false);
  set_function(ScoreFunction::kNone);
}

void DecoderInsertion::set_function(ScoreFunction usual) {
  const ScoreFunction function = spec.function.value_or(usual);
  attributes.apply_sigmoid = function == ScoreFunction::kSigmoid;
  attributes.apply_softmax = function == ScoreFunction::kSoftmax;
}

void DecoderInsertion::set_classes(int64_t found, ValueId id) {
  if (found < 1) fail("output " + describe(id) + " has no room for class scores");
  if (spec.classes && *spec.classes != found)
    fail("classes=" + std::to_string(*spec.classes) + ", but output " + describe(id) + " holds " +
         std::to_string(found));
  if (attributes.first_class >= found)
    fail("first-class=" + std::to_string(attributes.first_class) + " leaves none of the " +
         std::to_string(found) + " classes");
  attributes.classes = found;
}

void DecoderInsertion::transpose_operand() {
  operands[0] = transpose_by(graph, operands[0], {0, 2, 1});
}

void DecoderInsertion::finish_detections() {
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
  graph.add_node(std::move(node));
  drop_used_outputs();
  graph.outputs.push_back(result.detections);
  graph.outputs.push_back(result.counts);
  graph.detections.push_back(std::move(result));
}

void DecoderInsertion::drop_used_outputs() {
  if (spec.keep_outputs) return;
  for (const ValueId id : used_)
    graph.outputs.erase(std::remove(graph.outputs.begin(), graph.outputs.end(), id),
                        graph.outputs.end());
}

}  // namespace stint::builder
