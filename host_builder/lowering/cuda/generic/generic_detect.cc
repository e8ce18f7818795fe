// Suppression of overlapping boxes: ONNX NonMaxSuppression, and the decoders of detectors.
#include <algorithm>

#include "host_builder/lowering/cuda/generic/generic_detections.h"
#include "host_builder/lowering/cuda/generic/generic_kernels.h"
#include "host_builder/support/error.h"
#include "plan_schema/params/nms.h"

namespace stint::builder {
namespace {

std::string text(int64_t value) { return CudaSource::literal(value); }

std::string float_function(const std::string& head, const std::string& result) {
  return "__device__ __forceinline__ float " + head + " {\n" + result + "}";
}

int64_t level_rows(const DecodeLevel& l) {
  return int64_t{l.grid_width} * l.grid_height * l.anchor_count;
}

/// level_of(row) and anchor_size(level, k, axis).
void write_levels(GenericSource& source, const DecodeParams& p) {
  source.line(
      "struct Level {\n  int index;\n  int64_t row;  // within the level\n  float stride;\n  "
      "int32_t "
      "grid_width, grid_height, anchor_count;\n};");
  std::string code = "__device__ __forceinline__ Level level_of(int64_t row) {\n";
  std::string anchors = "  (void)level, (void)k, (void)axis;\n";
  for (int i = 0; i < p.level_count; ++i) {
    const DecodeLevel& l = p.levels[i];
    const std::string result = "return {" + std::to_string(i) + ", row, " +
                               CudaSource::literal(l.stride) + ", " + std::to_string(l.grid_width) +
                               ", " + std::to_string(l.grid_height) + ", " +
                               std::to_string(l.anchor_count) + "};\n";
    if (i + 1 < p.level_count)
      code += "  if (row < " + text(level_rows(l)) + ") " + result +
              "  row -= " + text(level_rows(l)) + ";\n";
    else
      code += "  " + result;
    if (p.kind != DecoderKind::kYoloAnchors) continue;
    for (int k = 0; k < l.anchor_count; ++k)
      anchors += "  if (level == " + std::to_string(i) + " && k == " + std::to_string(k) +
                 ") return axis == 0 ? " + CudaSource::literal(l.anchors[k][0]) + " : " +
                 CudaSource::literal(l.anchors[k][1]) + ";\n";
  }
  if (p.level_count == 0) code += "  return {0, row, 1.0f, 1, 1, 1};\n";
  source.line(code + "}");
  source.line(
      float_function("anchor_size(int level, int64_t k, int axis)", anchors + "  return 0.0f;\n"));
}

/// box_value() and prior_value(): what decoding a row's box reads.
void write_boxes(GenericSource& source, const DecodeParams& p) {
  const bool channels_first = p.kind == DecoderKind::kYoloAnchorFree && p.transposed;
  std::string code = "  (void)level;\n";
  const size_t levels = p.kind == DecoderKind::kYoloAnchors ? p.level_count : 1;
  for (size_t i = 0; i < levels; ++i) {
    const cpu::TensorView& t = source.input(i);
    const std::string n = std::to_string(i);
    const std::string at = channels_first ? "k * " + text(t.strides[1]) + " + row"
                                          : "row * " + text(t.strides[1]) + " + k";
    code += (i + 1 < levels ? "  if (level == " + n + ") " : "  ") +
            std::string("return load<float>(in") + n + "(args)[slot * " + text(t.strides[0]) +
            " + " + at + "]);\n";
  }
  source.line(float_function(
      "box_value(const Args& args, int64_t slot, int level, int64_t row, int k)", code));
  const bool priors = p.kind == DecoderKind::kSsdPriors;
  source.line(float_function("prior_value(const Args& args, int64_t row, int k)",
                             priors ? "  return load<float>(in2(args)[row * " +
                                          text(source.input(2).strides[0]) + " + k]);\n"
                                    : "  (void)args, (void)row, (void)k;\n  return 0.0f;\n"));
}

bool has(const DecodeParams& p, DecodeFlag flag) { return (p.flags & flag) != 0; }

bool labelled(const DecodeParams& p) {
  return p.kind == DecoderKind::kEndToEnd || has(p, kRowLabels);
}

/// label_value(): the class id of a row, where it has one.
void write_labels(GenericSource& source, const DecodeParams& p) {
  std::string code = "  (void)args, (void)slot, (void)row;\n  return 0.0f;\n";
  if (labelled(p)) {
    const bool one_tensor = p.kind == DecoderKind::kEndToEnd;
    const size_t input = one_tensor ? 0 : 2;
    const cpu::TensorView& t = source.input(input);
    code = "  return load<float>(in" + std::to_string(input) + "(args)[slot * " +
           text(t.strides[0]) + " + row * " + text(t.strides[1]) + (one_tensor ? " + 5" : "") +
           "]);\n";
  }
  source.line(float_function("label_value(const Args& args, int64_t slot, int64_t row)", code));
}

/// "in1(args) + slot * 600 + 4"
std::string slot_of(const GenericSource& source, size_t input, int64_t offset) {
  return "in" + std::to_string(input) + "(args) + slot * " + text(source.input(input).strides[0]) +
         (offset > 0 ? " + " + text(offset) : "");
}

/// write_row(): the optional third output.
void write_kept_rows(GenericSource& source) {
  const bool wanted = source.output_count() > 2;
  source.line(
      "__device__ __forceinline__ void write_row(const Args& args, int64_t slot, int64_t i, "
      "int64_t row) {\n" +
      (wanted ? "  out2(args)[slot * " + text(source.output(2).strides[0]) +
                    " + i] = static_cast<int32_t>(row);\n}"
              : std::string("  (void)args, (void)slot, (void)i, (void)row;\n}")));
}

/// Inputs that hold scores, and how many rows they have.
struct ScoreInputs {
  size_t first = 0, count = 1;
  std::vector<int64_t> rows;
  int64_t all_rows = 0;
};

ScoreInputs score_inputs(const Graph& graph, const StepSpec& step, const DecodeParams& p) {
  ScoreInputs s;
  if (p.kind == DecoderKind::kSsdPriors || p.kind == DecoderKind::kBoxesScores) s.first = 1;
  if (p.kind == DecoderKind::kYoloAnchors) s.count = p.level_count;
  for (size_t i = s.first; i < s.first + s.count; ++i) {
    s.rows.push_back(graph.value(step.inputs.at(i)).shape.at(p.transposed ? 2 : 1));
    s.all_rows += s.rows.back();
  }
  return s;
}

}  // namespace

void generic_nms(Graph& graph, const Node&, StepSpec& step) {
  const auto p = params_of_step<NmsParams>(step);
  const Shape& score_shape = graph.value(step.inputs.at(1)).shape;
  const int64_t images = score_shape.at(0), classes = score_shape.at(1), rows = score_shape.at(2);
  const int64_t limit = std::clamp<int64_t>(p.max_output_per_class, 0, rows);
  const int64_t blocks = images * classes;
  step.workspace_bytes =
      std::max<uint64_t>(static_cast<uint64_t>(blocks * ((limit + 1) * 4 + rows)), 4);
  step.state_bytes = 4;
  GenericSource source(graph, step);
  source.team({kGenericThreads, 1, false});
  source.constant64("kImages", images);
  source.constant64("kClasses", classes);
  source.constant64("kRows", rows);
  source.constant64("kLimit", limit);
  source.constant64("kOutputs", source.output(0).shape[0]);
  source.flag("kCenter", p.center_point_box != 0);
  source.flag("kHasThreshold", p.has_score_threshold != 0);
  source.real_function("iou_threshold", p.iou_threshold);
  source.real_function("score_threshold", p.score_threshold);
  source.constant64("kBoxImage", source.input(0).strides[0]);
  source.constant64("kBoxRow", source.input(0).strides[1]);
  source.constant64("kScoreImage", source.input(1).strides[0]);
  source.constant64("kScoreClass", source.input(1).strides[1]);
  source.constant64("kOutRow", source.output(0).strides[0]);
  source.include("generic/nms.cuh");
  step.in_place.clear();
  step.launch = source.finish("nms", blocks);
}

void generic_decode(Graph& graph, const Node&, StepSpec& step) {
  constexpr int kThreads = 512;  // the last block of a slot has the suppression to itself
  constexpr int64_t kMaxScanBlocks = 64;
  const auto p = params_of_step<DecodeParams>(step);
  const ScoreInputs scores = score_inputs(graph, step, p);
  const int64_t batch = graph.value(step.inputs.at(0)).shape.at(0);
  const int64_t key_range = scores.all_rows * (labelled(p) ? 1 : p.classes);
  const int64_t end_class = p.classes - (has(p, kNoObjectLast) ? 1 : 0);
  if (scores.all_rows > INT32_MAX || key_range > int64_t{UINT32_MAX})
    throw BuildError("step '" + step.name + "' (Decode): " + std::to_string(scores.all_rows) +
                     " rows of " + std::to_string(p.classes) +
                     " classes cannot be numbered with 32 bits; export the "
                     "network with fewer rows");
  const int64_t keys = scores.all_rows * (p.multi_label != 0 ? end_class - p.first_class : 1);
  step.workspace_bytes =
      static_cast<uint64_t>(batch) *
      (static_cast<uint64_t>(keys) * 8 + static_cast<uint64_t>(p.max_candidates) * 32);
  step.state_bytes = static_cast<uint64_t>(batch) * 8;
  const bool has_frames = step.image_binding >= 0;
  GenericSource source(graph, step, has_frames, true);
  source.team({kThreads, 1, false});
  write_detections(source, has_frames);
  const int64_t scan_blocks =
      std::clamp<int64_t>((scores.all_rows + kThreads - 1) / kThreads, 1, kMaxScanBlocks);
  source.constant("kScanBlocks", scan_blocks);
  source.constant("kKind", static_cast<int64_t>(p.kind));
  source.constant("kFit", static_cast<int64_t>(p.fit));
  source.constant("kFunction", static_cast<int64_t>(p.score_function));
  source.flag("kNormalized", p.normalized_boxes != 0);
  source.flag("kCenterBoxes", p.center_boxes != 0);
  source.flag("kTransposed", p.transposed != 0);
  source.flag("kAgnostic", p.class_agnostic_nms != 0);
  source.flag("kMultiLabel", p.multi_label != 0);
  source.flag("kScaledAnchors", p.scaled_anchors != 0);
  source.flag("kAnchorMajor", p.anchor_major != 0);
  source.flag("kRotated", has(p, kRotated));
  source.constant("kAngle", p.kind == DecoderKind::kEndToEnd ? 6 : 4 + p.classes);
  source.constant("kLevels", p.level_count);
  source.constant("kClasses", p.classes);
  source.constant("kFirstClass", p.first_class);
  source.constant("kEndClass", end_class);
  source.flag("kYFirst", has(p, kYFirst));
  source.flag("kLabelled", labelled(p));
  source.constant64("kKeyClasses", labelled(p) ? 1 : p.classes);
  source.constant("kInputWidth", p.input_width);
  source.constant("kInputHeight", p.input_height);
  source.constant("kMaxCandidates", p.max_candidates);
  source.constant64("kKeys", keys);
  const bool has_objectness =
      p.kind == DecoderKind::kYoloxGrid || p.kind == DecoderKind::kYoloAnchors;
  source.constant("kObjectness", has_objectness ? 4 : -1);
  source.constant("kFirstScore", has_objectness                           ? 5
                                 : p.kind == DecoderKind::kYoloAnchorFree ? 4
                                                                          : 0);
  source.real_function("score_threshold", p.score_threshold);
  source.real_function("iou_threshold", p.iou_threshold);
  source.real_function("centre_variance", p.variances[0]);
  source.real_function("size_variance", p.variances[1]);
  write_levels(source, p);
  write_boxes(source, p);
  write_labels(source, p);
  write_kept_rows(source);
  source.line(
      "struct Candidate {\n  uint64_t key;  // 0: out\n  float box[4];  // x1, y1, x2, y2 in "
      "network pixels; rotated: centre, variances\n"
      "  float area;  // rotated: covariance\n  int32_t "
      "class_id;\n};\nstatic_assert(sizeof(Candidate) == 32, \"the "
      "workspace counts on it\");");
  source.line(
      "__device__ __forceinline__ uint64_t* keys(const Args& args) {\n  return "
      "static_cast<uint64_t*>(workspace(args));\n}");
  source.line(
      "__device__ __forceinline__ Candidate* candidates(const Args& args) {\n  return "
      "reinterpret_cast<Candidate*>(keys(args) + " +
      text(batch * keys) + ");\n}");
  const auto rows = [&](size_t i) {
    if (!has(p, kRowCounts)) return text(scores.rows[i]);
    return "scan.counted(load<float>(*(" + slot_of(source, step.inputs.size() - 1, 0) + ")), " +
           text(scores.rows[i]) + ")";
  };
  std::string scan;
  int64_t first_row = 0;
  if (labelled(p)) {
    const bool one_tensor = p.kind == DecoderKind::kEndToEnd;
    const size_t s = one_tensor ? 0 : 1, l = one_tensor ? 0 : 2;
    scan = "  scan.labelled(" + slot_of(source, s, one_tensor ? 4 : 0) + ", " +
           text(source.input(s).strides[1]) + ", " + slot_of(source, l, one_tensor ? 5 : 0) + ", " +
           text(source.input(l).strides[1]) + ", " + rows(0) + ");\n";
  } else {
    for (size_t i = 0; i < scores.count; ++i) {
      const size_t input = scores.first + i;
      scan += "  scan.tensor(" + slot_of(source, input, 0) + ", " +
              text(source.input(input).strides[1]) + ", " + rows(i) + ", " + text(first_row) +
              ");\n";
      first_row += scores.rows[i];
    }
  }
  source.line(
      "template <typename Scan>\n__device__ __forceinline__ void scan_inputs(const Args& args, "
      "const Scan& scan, int64_t slot) {\n" +
      scan + "}");
  source.include("generic/decode.cuh");
  step.in_place.clear();
  step.launch = source.finish("decode", batch * scan_blocks, kThreads);
}

}  // namespace stint::builder
