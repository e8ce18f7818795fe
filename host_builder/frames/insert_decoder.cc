#include "host_builder/frames/insert_decoder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "host_builder/frames/graph_edit.h"
#include "host_builder/frames/ssd_priors.h"
#include "host_builder/graph/error.h"
#include "host_builder/graph/shape.h"

namespace stint::builder {
namespace {

constexpr int64_t kDefaultDetections = 100;
constexpr int64_t kDefaultTopK = 5;

/// Resolves operands of one decoder and builds its node.
class DecoderInserter {
 public:
  DecoderInserter(Graph& graph, const PostprocessSpec& spec) : graph_(graph), spec_(spec) {}

  void run() {
    set_common();
    switch (spec_.kind) {
      case PostprocessKind::kYolox:
      case PostprocessKind::kYolov5:
        yolo_grid();
        break;
      case PostprocessKind::kYolov8:
        yolov8();
        break;
      case PostprocessKind::kYoloAnchors:
        yolo_anchors();
        break;
      case PostprocessKind::kSsd:
      case PostprocessKind::kBoxesScores:
        boxes_and_scores();
        break;
      case PostprocessKind::kTopK:
        top_k();
        break;
      case PostprocessKind::kArgmax:
        argmax();
        return;
    }
    finish_detections();
  }

 private:
  [[noreturn]] void fail(const std::string& text) const {
    std::string offer;
    for (const ValueId id : graph_.outputs) offer += (offer.empty() ? "" : ", ") + describe(id);
    throw BuildError(std::string("--postprocess ") + postprocess_name(spec_.kind) + ": " + text +
                     "; the model's outputs: " + offer);
  }

  std::string describe(ValueId id) const {
    const Value& v = graph_.value(id);
    return "'" + v.name + "' " + dtype_name(v.dtype) + " " + shape_text(v.shape);
  }

  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }

  ValueId named_output(const std::string& name) const {
    for (const ValueId id : graph_.outputs)
      if (graph_.value(id).name == name) return id;
    fail("there is no output '" + name + "'");
  }

  /// The output that output= names, or the only one.
  ValueId single_output() {
    if (spec_.outputs.size() > 1)
      fail("decodes one output, " + std::to_string(spec_.outputs.size()) + " are given");
    if (spec_.outputs.empty() && graph_.outputs.size() != 1)
      fail("the model has " + std::to_string(graph_.outputs.size()) +
           " outputs, choose with output=NAME");
    return use(spec_.outputs.empty() ? graph_.outputs[0] : named_output(spec_.outputs[0]));
  }

  ValueId use(ValueId id) {
    used_.push_back(id);
    return id;
  }

  /// [n, a, b] out of [n, a, b, 1...], [n, 1, a, b] or, at batch 1, [a, b].
  ValueId as_rank_3(ValueId id) {
    Shape s = shape(id);
    if (s.size() == 2 && graph_.batch == 1) s.insert(s.begin(), 1);
    while (s.size() > 3) {
      const auto one = std::find(s.rbegin(), s.rend() - 1, 1);
      if (one == s.rend() - 1) break;
      s.erase(std::next(one).base());
    }
    if (s.size() != 3) fail("output " + describe(id) + " is not [n, rows, channels]");
    check_batch(id, s);
    return reshape_to(graph_, cast_to_f32(graph_, id), s);
  }

  void check_batch(ValueId id, const Shape& s) const {
    if (s.empty() || s[0] != graph_.batch)
      fail("output " + describe(id) + " does not start with the batch of " +
           std::to_string(graph_.batch));
  }

  /// Where the network's input is known from: the frame, or the one image-like input.
  void set_input_size() {
    if (!graph_.images.empty()) {
      const PreprocessAttributes& image = graph_.images[0].spec;
      attributes_.input_width = image.width;
      attributes_.input_height = image.height;
      attributes_.fit = image.fit;
      attributes_.image = 0;
      return;
    }
    for (const ValueId id : graph_.inputs) {
      const Shape& s = shape(id);
      if (s.size() != 4) continue;
      const bool planes = s[1] == 1 || s[1] == 3 || s[1] < s[3];
      attributes_.input_height = s[planes ? 2 : 1];
      attributes_.input_width = s[planes ? 3 : 2];
      return;
    }
    if (spec_.kind != PostprocessKind::kTopK)
      fail("the size of the network's input is not known, add --preprocess");
    attributes_.input_width = attributes_.input_height = 1;
  }

  void set_common() {
    if (spec_.kind == PostprocessKind::kArgmax) return;
    set_input_size();
    DecodeAttributes& a = attributes_;
    a.score_threshold = spec_.score.value_or(0.25f);
    a.iou_threshold = spec_.iou.value_or(0.45f);
    a.max_detections = spec_.max_detections.value_or(kDefaultDetections);
    a.first_class = spec_.first_class.value_or(0);
    a.class_agnostic_nms = spec_.agnostic;
    a.multi_label = spec_.multi_label.value_or(false);
    a.max_candidates = spec_.candidates.value_or(0);
    a.normalized_boxes = spec_.normalized.value_or(false);
    set_function(ScoreFunction::kNone);
  }

  void set_function(ScoreFunction usual) {
    const ScoreFunction function = spec_.function.value_or(usual);
    attributes_.apply_sigmoid = function == ScoreFunction::kSigmoid;
    attributes_.apply_softmax = function == ScoreFunction::kSoftmax;
  }

  /// The number of classes: what the model has, which is what classes= says if it says anything.
  void set_classes(int64_t found, ValueId id) {
    if (found < 1) fail("output " + describe(id) + " has no room for class scores");
    if (spec_.classes && *spec_.classes != found)
      fail("classes=" + std::to_string(*spec_.classes) + ", but output " + describe(id) +
           " holds " + std::to_string(found));
    if (attributes_.first_class >= found)
      fail("first-class=" + std::to_string(attributes_.first_class) + " leaves none of the " +
           std::to_string(found) + " classes");
    attributes_.classes = found;
  }

  void yolo_grid() {
    DecodeAttributes& a = attributes_;
    a.kind = DecoderKind::kYoloxGrid;
    const ValueId output = single_output();
    operands_ = {as_rank_3(output)};
    Shape s = shape(operands_[0]);
    if (spec_.kind == PostprocessKind::kYolox) {
      a.strides = spec_.strides.empty() ? std::vector<float>{8, 16, 32} : spec_.strides;
      int64_t rows = 0;
      std::string grids;
      for (const float stride : a.strides) {
        const int64_t w = grid_cells(a.input_width, stride), h = grid_cells(a.input_height, stride);
        rows += w * h;
        grids += (grids.empty() ? "" : " + ") + std::to_string(w) + "x" + std::to_string(h);
      }
      if (s[1] != rows && s[2] == rows) transpose_operand();
      s = shape(operands_[0]);
      if (s[1] != rows)
        fail("the strides make " + grids + " = " + std::to_string(rows) + " rows of a " +
             std::to_string(a.input_width) + "x" + std::to_string(a.input_height) +
             " input, output " + describe(output) + " has " + std::to_string(s[1]) +
             "; give strides=");
    } else if (s[1] < s[2] && (!spec_.classes || s[2] != 5 + *spec_.classes)) {
      transpose_operand();
      s = shape(operands_[0]);
    }
    set_classes(s[2] - 5, output);
  }

  void transpose_operand() { operands_[0] = transpose_by(graph_, operands_[0], {0, 2, 1}); }

  void yolov8() {
    attributes_.kind = DecoderKind::kYoloAnchorFree;
    attributes_.center_boxes = spec_.center_boxes.value_or(true);
    const ValueId output = single_output();
    operands_ = {as_rank_3(output)};
    const Shape& s = shape(operands_[0]);
    attributes_.transposed = spec_.classes ? s[1] == 4 + *spec_.classes : s[1] < s[2];
    set_classes(s[attributes_.transposed ? 1 : 2] - 4, output);
  }

  void yolo_anchors() {
    DecodeAttributes& a = attributes_;
    a.kind = DecoderKind::kYoloAnchors;
    a.scaled_anchors = spec_.scaled_anchors;
    a.anchors = spec_.anchors;
    set_function(ScoreFunction::kSigmoid);
    std::vector<ValueId> levels;
    for (const std::string& name : spec_.outputs) levels.push_back(named_output(name));
    if (levels.empty()) levels = graph_.outputs;
    if (levels.size() > static_cast<size_t>(kMaxDecodeLevels))
      fail(std::to_string(levels.size()) + " levels, at most " + std::to_string(kMaxDecodeLevels) +
           " are possible");
    if (a.anchors.empty() || a.anchors.size() % (2 * levels.size()) != 0)
      fail("anchors= needs the same number of W:H pairs for each of " +
           std::to_string(levels.size()) + " levels, it has " + std::to_string(a.anchors.size()) +
           " numbers");
    const auto per_level = static_cast<int64_t>(a.anchors.size() / 2 / levels.size());
    if (per_level > kMaxLevelAnchors)
      fail(std::to_string(per_level) + " anchors per level, at most " +
           std::to_string(kMaxLevelAnchors) + " are possible");
    if (!spec_.strides.empty() && spec_.strides.size() != levels.size())
      fail("strides= has " + std::to_string(spec_.strides.size()) + " entries for " +
           std::to_string(levels.size()) + " levels");
    for (size_t i = 0; i < levels.size(); ++i) {
      const Shape s = shape(levels[i]);
      check_batch(levels[i], s);
      const bool split = s.size() == 5 && s[1] == per_level;
      if (!split && (s.size() != 4 || s[1] % per_level != 0))
        fail("output " + describe(levels[i]) + " is neither [n, " + std::to_string(per_level) +
             " * (5 + classes), h, w] nor [n, " + std::to_string(per_level) +
             ", h, w, 5 + classes]");
      if (i > 0 && split != a.anchor_major) fail("the levels differ in form");
      a.anchor_major = split;
      const int64_t h = s[2], w = s[3], channels = split ? s[4] : s[1] / per_level;
      const float stride = spec_.strides.empty()
                               ? static_cast<float>(a.input_width) / static_cast<float>(w)
                               : spec_.strides[i];
      a.strides.push_back(stride);
      if (grid_cells(a.input_width, stride) != w || grid_cells(a.input_height, stride) != h)
        fail("output " + describe(levels[i]) + " is no grid of stride " + std::to_string(stride) +
             " over a " + std::to_string(a.input_width) + "x" + std::to_string(a.input_height) +
             " input");
      ValueId rows = cast_to_f32(graph_, use(levels[i]));
      // Pixels outermost: where the network is channels last, this moves nothing.
      if (!split) rows = transpose_by(graph_, rows, {0, 2, 3, 1});
      operands_.push_back(reshape_to(graph_, rows, {s[0], h * w * per_level, channels}));
      set_classes(channels - 5, levels[i]);
    }
  }

  /// boxes= and scores=, or the two outputs told apart by the four coordinates.
  std::pair<ValueId, ValueId> boxes_scores_outputs() const {
    if (!spec_.boxes.empty() && !spec_.scores.empty())
      return {named_output(spec_.boxes), named_output(spec_.scores)};
    std::vector<ValueId> boxes, others;
    for (const ValueId id : graph_.outputs) {
      const Shape& s = shape(id);
      (s.size() >= 2 && s.back() == 4 ? boxes : others).push_back(id);
    }
    if (boxes.size() != 1 || others.size() != 1)
      fail("name the two outputs with boxes=NAME and scores=NAME");
    return {spec_.boxes.empty() ? boxes[0] : named_output(spec_.boxes),
            spec_.scores.empty() ? others[0] : named_output(spec_.scores)};
  }

  void boxes_and_scores() {
    DecodeAttributes& a = attributes_;
    const bool ssd = spec_.kind == PostprocessKind::kSsd;
    a.kind = ssd ? DecoderKind::kSsdPriors : DecoderKind::kBoxesScores;
    a.multi_label = spec_.multi_label.value_or(true);
    a.first_class = spec_.first_class.value_or(ssd ? 1 : 0);
    a.normalized_boxes = spec_.normalized.value_or(ssd);
    a.center_boxes = spec_.center_boxes.value_or(ssd);
    const auto [boxes, scores] = boxes_scores_outputs();
    operands_ = {as_rank_3(use(boxes)), as_rank_3(use(scores))};
    const Shape &b = shape(operands_[0]), &s = shape(operands_[1]);
    const int64_t rows = b[1];
    if (b[2] != 4) fail("boxes " + describe(boxes) + " are not [n, rows, 4]");
    if (s[1] != rows && s[2] != rows)
      fail("scores " + describe(scores) + " do not have the " + std::to_string(rows) +
           " rows of the boxes");
    a.transposed = s[1] != rows;
    set_classes(s[a.transposed ? 1 : 2], scores);
    if (!ssd) return;
    a.variances = spec_.variances.empty() ? std::vector<float>{0.1f, 0.2f} : spec_.variances;
    operands_.push_back(priors(rows));
  }

  ValueId priors(int64_t rows) {
    if (spec_.prior_sizes.empty() == spec_.priors.empty())
      fail("give either priors=NAME or prior-sizes= with strides=");
    if (!spec_.prior_sizes.empty()) {
      if (spec_.strides.size() != spec_.prior_counts.size())
        fail("strides= has " + std::to_string(spec_.strides.size()) +
             " levels, prior-sizes= " + std::to_string(spec_.prior_counts.size()));
      if (!attributes_.center_boxes || !attributes_.normalized_boxes)
        fail("prior-sizes= makes normalized centre boxes; corners or pixels need priors=NAME");
      std::vector<float> data = square_priors(attributes_.input_width, attributes_.input_height,
                                              spec_.strides, spec_.prior_sizes, spec_.prior_counts);
      if (static_cast<int64_t>(data.size()) != 4 * rows)
        fail("prior-sizes= makes " + std::to_string(data.size() / 4) + " priors, the boxes have " +
             std::to_string(rows) + " rows");
      return graph_.add_constant(graph_.unique_name("priors"), DType::kF32, {rows, 4}, data);
    }
    for (ValueId id = 0; id < graph_.value_count(); ++id) {
      if (graph_.value(id).name != spec_.priors) continue;
      if (graph_.value(id).elements() != 4 * rows)
        fail("priors " + describe(id) + " do not hold 4 numbers for each of " +
             std::to_string(rows) + " rows");
      if (graph_.is_output(id)) use(id);
      return reshape_to(graph_, cast_to_f32(graph_, id), {rows, 4});
    }
    fail("the model has no value '" + spec_.priors + "' for the priors");
  }

  void top_k() {
    DecodeAttributes& a = attributes_;
    a.kind = DecoderKind::kTopClasses;
    // Without a threshold every class counts, be its score a logit below 0.
    a.score_threshold = spec_.score.value_or(std::numeric_limits<float>::lowest());
    const ValueId output = single_output();
    const Shape s = shape(output);
    check_batch(output, s);
    const int64_t classes = graph_.value(output).elements() / graph_.batch;
    if (s.size() < 2 ||
        std::count(s.begin() + 1, s.end(), 1) < static_cast<std::ptrdiff_t>(s.size()) - 2)
      fail("output " + describe(output) + " is not one row of class scores per image");
    operands_ = {reshape_to(graph_, cast_to_f32(graph_, output), {s[0], classes})};
    set_classes(classes, output);
    a.max_detections =
        std::min(spec_.max_detections.value_or(kDefaultTopK), classes - a.first_class);
  }

  void argmax() {
    const ValueId output = single_output();
    const Shape s = shape(output);
    if (s.size() < 3) fail("output " + describe(output) + " is no map of class scores");
    int64_t axis = 1;
    if (spec_.axis) {
      axis = *spec_.axis < 0 ? *spec_.axis + static_cast<int64_t>(s.size()) : *spec_.axis;
      if (axis < 1 || axis >= static_cast<int64_t>(s.size()))
        fail("axis=" + std::to_string(*spec_.axis) + " is not one of the axes of " +
             describe(output));
    } else if (s.back() < s[1]) {
      axis = static_cast<int64_t>(s.size()) - 1;
    }
    const int64_t classes = s[static_cast<size_t>(axis)];
    if (classes < 1 || classes > 256)
      fail("a mask holds 1 to 256 classes, axis " + std::to_string(axis) + " of output " +
           describe(output) + " has " + std::to_string(classes));
    set_classes_of_mask(classes, output);
    Shape mask = s;
    mask.erase(mask.begin() + axis);
    Node node;
    node.name = "argmax_mask";
    node.op = Op::kArgmaxMask;
    node.attributes = AxisAttributes{axis};
    node.inputs = {cast_to_f32(graph_, output)};
    const ValueId result =
        graph_.add_value(graph_.unique_name("mask"), DType::kU8, std::move(mask));
    node.outputs = {result};
    graph_.add_node(std::move(node));
    drop_used_outputs();
    graph_.outputs.push_back(result);
  }

  void set_classes_of_mask(int64_t classes, ValueId id) const {
    if (spec_.classes && *spec_.classes != classes)
      fail("classes=" + std::to_string(*spec_.classes) + ", but output " + describe(id) +
           " holds " + std::to_string(classes));
  }

  void finish_detections() {
    Node node;
    const bool top = spec_.kind == PostprocessKind::kTopK;
    node.name = top ? "top_classes" : "decode";
    node.op = top ? Op::kTopClasses : Op::kDecode;
    node.attributes = attributes_;
    node.inputs = operands_;
    DetectionOutput result;
    result.name = graph_.unique_name("detections");
    result.detections =
        graph_.add_value(result.name, DType::kF32, {graph_.batch, attributes_.max_detections, 6});
    result.counts = graph_.add_value(graph_.unique_name("counts"), DType::kI32, {graph_.batch});
    node.outputs = {result.detections, result.counts};
    graph_.add_node(std::move(node));
    drop_used_outputs();
    graph_.outputs.push_back(result.detections);
    graph_.outputs.push_back(result.counts);
    graph_.detections.push_back(std::move(result));
  }

  void drop_used_outputs() {
    if (spec_.keep_outputs) return;
    for (const ValueId id : used_)
      graph_.outputs.erase(std::remove(graph_.outputs.begin(), graph_.outputs.end(), id),
                           graph_.outputs.end());
  }

  Graph& graph_;
  const PostprocessSpec& spec_;
  DecodeAttributes attributes_;
  std::vector<ValueId> operands_;
  std::vector<ValueId> used_;
};

}  // namespace

void insert_decoder(Graph& graph, const PostprocessSpec& spec) {
  DecoderInserter(graph, spec).run();
}

}  // namespace stint::builder
