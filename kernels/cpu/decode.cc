// Network outputs -> candidates -> suppression -> boxes in pixels of the source frame.
#include <cmath>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/decode_boxes.h"
#include "kernels/cpu/decode_candidates.h"
#include "kernels/cpu/detection_output.h"
#include "kernels/cpu/fit_geometry.h"
#include "kernels/cpu/gaussian_overlap.h"
#include "kernels/cpu/kernel_table.h"
#include "plan_schema/params/decode.h"
#include "plan_schema/params/preprocess.h"

namespace stint::cpu {
namespace {

int64_t level_rows(const DecodeLevel& l) {
  return int64_t{l.grid_width} * l.grid_height * l.anchor_count;
}

/// The tensor that holds the scores.
int score_input(DecoderKind kind) {
  return kind == DecoderKind::kSsdPriors || kind == DecoderKind::kBoxesScores ? 1 : 0;
}

bool has(const DecodeParams& p, DecodeFlag flag) { return (p.flags & flag) != 0; }

/// Class ids come with the rows instead of a score for each class.
bool labelled(const DecodeParams& p) {
  return p.kind == DecoderKind::kEndToEnd || has(p, kRowLabels);
}

/// Classes from here on are never reported.
int32_t end_class(const DecodeParams& p) { return p.classes - (has(p, kNoObjectLast) ? 1 : 0); }

bool transposed_scores(const DecodeParams& p) { return p.transposed != 0; }

int64_t scored_rows(const DecodeParams& p, const TensorView& t) {
  return t.shape[transposed_scores(p) ? 2 : 1];
}

Status check_level(const DecodeParams& p, const DecodeLevel& l) {
  if (l.grid_width < 1 || l.grid_width > kMaxNetworkSide)
    return corrupt("grid width is out of range", l.grid_width, kMaxNetworkSide);
  if (l.grid_height < 1 || l.grid_height > kMaxNetworkSide)
    return corrupt("grid height is out of range", l.grid_height, kMaxNetworkSide);
  const int most = p.kind == DecoderKind::kYoloAnchors ? kMaxLevelAnchors : 1;
  if (l.anchor_count < 1 || l.anchor_count > most)
    return corrupt("anchors per cell are out of range", l.anchor_count, most);
  if (!std::isfinite(l.stride)) return corrupt("stride of a level is not finite");
  return ok_status();
}

Status check_settings(const DecodeParams& p) {
  if (p.kind == DecoderKind::kTopClasses || static_cast<uint8_t>(p.kind) >= kDecoderKindCount)
    return corrupt("unknown decoder", static_cast<int64_t>(p.kind), kDecoderKindCount);
  if (p.fit > FitMode::kCrop) return corrupt("unknown fit mode", static_cast<int64_t>(p.fit));
  if (p.score_function > ScoreFunction::kSoftmax)
    return corrupt("unknown score function", static_cast<int64_t>(p.score_function));
  if (p.classes < 1 || p.classes > kMaxCandidates)
    return corrupt("number of classes is out of range", p.classes, kMaxCandidates);
  if (p.flags > kDecodeFlags) return corrupt("unknown flags of a decoder", p.flags, kDecodeFlags);
  if (has(p, kYFirst) && (p.kind == DecoderKind::kYoloxGrid || p.kind == DecoderKind::kYoloAnchors))
    return corrupt("boxes of a grid are never y first", p.flags);
  if ((has(p, kRowLabels) || has(p, kRowCounts)) && p.kind != DecoderKind::kBoxesScores)
    return corrupt("this decoder takes neither class ids nor counts", p.flags);
  if (labelled(p) && (p.multi_label != 0 || p.transposed != 0 || has(p, kNoObjectLast) ||
                      p.score_function == ScoreFunction::kSoftmax))
    return corrupt("rows with class ids have one score each", p.flags);
  if (p.first_class < 0 || p.first_class >= end_class(p))
    return corrupt("first class is not one of the classes", p.first_class, end_class(p));
  if (p.input_width < 1 || p.input_width > kMaxNetworkSide)
    return corrupt("network input width is out of range", p.input_width);
  if (p.input_height < 1 || p.input_height > kMaxNetworkSide)
    return corrupt("network input height is out of range", p.input_height);
  const bool has_angles =
      p.kind == DecoderKind::kYoloAnchorFree || p.kind == DecoderKind::kEndToEnd;
  if (has(p, kRotated) && (!has_angles || !p.center_boxes || has(p, kYFirst)))
    return corrupt("this decoder does not turn boxes", static_cast<int64_t>(p.kind));
  if (p.max_candidates < 1 || p.max_candidates > kMaxCandidates)
    return corrupt("number of candidates is out of range", p.max_candidates, kMaxCandidates);
  if (p.level_count > kMaxDecodeLevels)
    return corrupt("too many levels", p.level_count, kMaxDecodeLevels);
  for (int i = 0; i < p.level_count; ++i) STINT_RETURN_IF_ERROR(check_level(p, p.levels[i]));
  return ok_status();
}

/// f32 [batch, a, b], dense inside.
Status check_operand(const TensorView& t, int64_t batch, int64_t a, int64_t b) {
  STINT_RETURN_IF_ERROR(check_dtype(t, DType::kF32));
  if (t.rank != 3) return corrupt("operand of a decoder must have 3 axes", t.rank, 3);
  if (t.shape[0] != batch)
    return corrupt("operand of a decoder has another batch size", t.shape[0], batch);
  if (t.shape[1] != a)
    return corrupt("operand of a decoder has the wrong second axis", t.shape[1], a);
  if (t.shape[2] != b)
    return corrupt("operand of a decoder has the wrong third axis", t.shape[2], b);
  return check_inner_dense(t);
}

/// The same with `channels` or more in the last axis.
Status check_rows(const TensorView& t, int64_t batch, int64_t rows, int64_t channels) {
  if (t.rank == 3 && t.shape[2] > channels) channels = t.shape[2];
  return check_operand(t, batch, rows, channels);
}

Status check_inputs(const DecodeParams& p, const StepArgs& args, int64_t batch) {
  const TensorView& scores = args.inputs[score_input(p.kind)];
  if (scores.rank != 3) return corrupt("operand of a decoder must have 3 axes", scores.rank, 3);
  const int64_t classes = p.classes;
  switch (p.kind) {
    case DecoderKind::kYoloxGrid: {
      if (p.transposed) return corrupt("this decoder does not take transposed scores");
      int64_t rows = 0;
      for (int i = 0; i < p.level_count; ++i) rows += level_rows(p.levels[i]);
      return check_rows(scores, batch, p.level_count == 0 ? scores.shape[1] : rows, 5 + classes);
    }
    case DecoderKind::kYoloAnchorFree: {
      const int64_t needed = 4 + classes + (has(p, kRotated) ? 1 : 0);
      if (!p.transposed) return check_rows(scores, batch, scores.shape[1], needed);
      if (scores.shape[1] < needed)
        return corrupt("operand of a decoder has too few channels", scores.shape[1], needed);
      return check_operand(scores, batch, scores.shape[1], scores.shape[2]);
    }
    case DecoderKind::kEndToEnd:
      return check_rows(scores, batch, scores.shape[1], has(p, kRotated) ? 7 : 6);
    case DecoderKind::kYoloAnchors: {
      if (p.transposed) return corrupt("this decoder does not take transposed scores");
      for (int i = 0; i < p.level_count; ++i)
        STINT_RETURN_IF_ERROR(
            check_operand(args.inputs[i], batch, level_rows(p.levels[i]), 5 + classes));
      return ok_status();
    }
    default:
      break;
  }
  const int64_t rows = scored_rows(p, scores);
  STINT_RETURN_IF_ERROR(check_operand(args.inputs[0], batch, rows, 4));
  if (has(p, kRowCounts))
    STINT_RETURN_IF_ERROR(check_operand(args.inputs[args.input_count - 1], batch, 1, 1));
  if (has(p, kRowLabels)) {
    STINT_RETURN_IF_ERROR(check_operand(scores, batch, rows, 1));
    return check_operand(args.inputs[2], batch, rows, 1);
  }
  STINT_RETURN_IF_ERROR(p.transposed ? check_operand(scores, batch, classes, rows)
                                     : check_operand(scores, batch, rows, classes));
  if (p.kind != DecoderKind::kSsdPriors) return ok_status();
  const TensorView& priors = args.inputs[2];
  STINT_RETURN_IF_ERROR(check_dtype(priors, DType::kF32));
  if (priors.rank != 2 || priors.shape[0] != rows || priors.shape[1] != 4)
    return corrupt("priors must be [rows, 4]", priors.rank > 0 ? priors.shape[0] : 0, rows);
  return check_inner_dense(priors);
}

uint32_t operand_count(const DecodeParams& p) {
  switch (p.kind) {
    case DecoderKind::kYoloAnchors:
      return p.level_count == 0 ? 1u : p.level_count;
    case DecoderKind::kSsdPriors:
      return 3;
    case DecoderKind::kBoxesScores:
      return 2u + (has(p, kRowLabels) ? 1u : 0u) + (has(p, kRowCounts) ? 1u : 0u);
    default:
      return 1;
  }
}

/// Limits of this run: the plan's, unless the caller set others.
struct Limits {
  float score, iou;
  int64_t count;
};

Limits limits_of(const DecodeParams& p, const StepArgs& args) {
  Limits limits{p.score_threshold, p.iou_threshold, args.outputs[0].shape[1]};
  if (args.limits == nullptr) return limits;
  if (args.limits->score_threshold >= 0.0f) limits.score = args.limits->score_threshold;
  if (args.limits->iou_threshold >= 0.0f) limits.iou = args.limits->iou_threshold;
  if (args.limits->max_detections > 0 && args.limits->max_detections < limits.count)
    limits.count = args.limits->max_detections;
  return limits;
}

/// Rows of a batch slot that count: all, unless an operand says otherwise. A count that is no
/// number is none.
int64_t counted_rows(const DecodeParams& p, const StepArgs& args, int64_t slot, int64_t rows) {
  if (!has(p, kRowCounts)) return rows;
  const TensorView& t = args.inputs[args.input_count - 1];
  const float count = t.as<float>()[slot * t.strides[0]];
  if (count >= static_cast<float>(rows)) return rows;
  return count > 0.0f ? static_cast<int64_t>(count) : 0;
}

void scan_labels(const DecodeParams& p, const StepArgs& args, int64_t slot, float threshold,
                 CandidateHeap* heap) {
  LabelScan scan;
  scan.classes = p.classes;
  scan.first_class = p.first_class;
  scan.function = p.score_function;
  scan.threshold = threshold;
  const bool one_tensor = p.kind == DecoderKind::kEndToEnd;
  const TensorView& scores = args.inputs[one_tensor ? 0 : 1];
  const TensorView& labels = args.inputs[one_tensor ? 0 : 2];
  scan.scores = scores.as<float>() + slot * scores.strides[0] + (one_tensor ? 4 : 0);
  scan.labels = labels.as<float>() + slot * labels.strides[0] + (one_tensor ? 5 : 0);
  scan.score_stride = scores.strides[1];
  scan.label_stride = labels.strides[1];
  scan.rows = counted_rows(p, args, slot, scores.shape[1]);
  scan.run(heap);
}

void scan_scores(const DecodeParams& p, const StepArgs& args, int64_t slot, float threshold,
                 CandidateHeap* heap) {
  ScoreScan scan;
  scan.classes = p.classes;
  scan.first_class = p.first_class;
  scan.end_class = end_class(p);
  scan.function = p.score_function;
  scan.multi_label = p.multi_label != 0;
  scan.transposed = transposed_scores(p);
  scan.threshold = threshold;
  const bool anchors = p.kind == DecoderKind::kYoloAnchors;
  if (p.kind == DecoderKind::kYoloxGrid || anchors) {
    scan.objectness = 4;
    scan.first_score = 5;
  } else if (p.kind == DecoderKind::kYoloAnchorFree) {
    scan.first_score = 4;
  }
  const int first = score_input(p.kind), count = anchors ? p.level_count : 1;
  for (int i = first; i < first + count; ++i) {
    const TensorView& t = args.inputs[i];
    scan.data = t.as<float>() + slot * t.strides[0];
    scan.row_stride = t.strides[1];
    scan.rows = counted_rows(p, args, slot, scored_rows(p, t));
    scan.run(heap);
    scan.first_row += static_cast<int32_t>(scan.rows);
  }
}

/// i32 [batch, max], the row of each detection.
Status check_row_output(const TensorView& rows, const TensorView& boxes) {
  STINT_RETURN_IF_ERROR(check_dtype(rows, DType::kI32));
  if (rows.rank != 2 || rows.shape[0] != boxes.shape[0] || rows.shape[1] != boxes.shape[1])
    return corrupt("kept rows must be [batch, max]", rows.rank > 1 ? rows.shape[1] : 0,
                   boxes.shape[1]);
  return check_inner_dense(rows);
}

void write_rows(const StepArgs& args, uint32_t slot, const DecodeCandidate* kept, int64_t count) {
  if (args.output_count < 3) return;
  const TensorView& t = args.outputs[2];
  int32_t* rows = t.as<int32_t>() + slot * t.strides[0];
  for (int64_t i = 0; i < t.shape[1]; ++i) rows[i] = i < count ? kept[i].row : -1;
}

void decode_slot(const DecodeParams& p, const StepArgs& args, const Limits& limits, uint32_t slot) {
  DetectionOutput out(args, slot);
  const bool has_images = args.image_count > 0;
  if (has_images && (args.images[slot].width == 0 || args.images[slot].height == 0)) {
    out.finish();
    write_rows(args, slot, nullptr, 0);
    return;
  }
  const FitGeometry geometry = fit_geometry(p.fit, p.input_width, p.input_height,
                                            has_images ? args.images[slot] : ImageView{});
  auto* items =
      reinterpret_cast<DecodeCandidate*>(args.workspace) + int64_t{slot} * p.max_candidates;
  CandidateHeap heap(items, p.max_candidates);
  if (labelled(p)) {
    scan_labels(p, args, slot, limits.score, &heap);
  } else {
    scan_scores(p, args, slot, limits.score, &heap);
  }
  const int32_t candidates = heap.sort();

  // Those kept so far are moved to the front, over candidates that are dealt with.
  int32_t kept = 0;
  for (int32_t i = 0; i < candidates && kept < limits.count; ++i) {
    DecodeCandidate c = items[i];
    if (!decode_box(p, args, slot, c.row, c.box)) continue;
    c.area = (c.box[2] - c.box[0]) * (c.box[3] - c.box[1]);
    Detection d = source_box(geometry, c.box);
    if (!(d.x2 > d.x1) || !(d.y2 > d.y1)) continue;  // nothing of it lies in the frame
    if (has(p, kRotated)) become_gaussian(p, args, slot, &c);
    bool covered = false;
    for (int32_t k = 0; k < kept && !covered; ++k) {
      const bool rivals = p.class_agnostic_nms != 0 || items[k].class_id == c.class_id;
      if (!rivals) continue;
      const float shared = has(p, kRotated) ? gaussian_overlap(c, items[k])
                                            : overlap(c.box, c.area, items[k].box, items[k].area);
      covered = shared > limits.iou;
    }
    if (covered) continue;
    d.score = c.score;
    d.class_id = c.class_id;
    out.add(d);
    items[kept++] = c;
  }
  out.finish();
  write_rows(args, slot, items, kept);
}

}  // namespace

Status check_decode(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<DecodeParams>(args));
  const auto& p = params_of<DecodeParams>(args);
  STINT_RETURN_IF_ERROR(check_settings(p));
  STINT_RETURN_IF_ERROR(
      check_operands(args, operand_count(p), operand_count(p), args.output_count == 3 ? 3 : 2));
  if (p.kind == DecoderKind::kYoloAnchors && p.level_count == 0)
    return corrupt("an anchor decoder needs levels", 0, 1);
  const int64_t batch = args.inputs[0].rank > 0 ? args.inputs[0].shape[0] : 0;
  STINT_RETURN_IF_ERROR(check_detection_outputs(args, batch));
  if (args.output_count == 3)
    STINT_RETURN_IF_ERROR(check_row_output(args.outputs[2], args.outputs[0]));
  STINT_RETURN_IF_ERROR(check_inputs(p, args, batch));
  int64_t rows = 0;
  const uint32_t levels = p.kind == DecoderKind::kYoloAnchors ? p.level_count : 1;
  for (uint32_t i = 0; i < levels; ++i)
    rows += scored_rows(p, args.inputs[score_input(p.kind) + static_cast<int>(i)]);
  if (rows > INT32_MAX) return corrupt("too many rows to number", rows, INT32_MAX);
  const uint64_t workspace =
      decode_workspace_bytes(static_cast<uint64_t>(batch), static_cast<uint64_t>(p.max_candidates));
  if (args.workspace_bytes < workspace)
    return corrupt("workspace of the decoder is too small",
                   static_cast<int64_t>(args.workspace_bytes), static_cast<int64_t>(workspace));
  return ok_status();
}

void run_decode(const StepArgs& args) {
  const auto& p = params_of<DecodeParams>(args);
  const Limits limits = limits_of(p, args);
  auto slot = [&](uint32_t i, uint32_t) { decode_slot(p, args, limits, i); };
  const auto batch = static_cast<uint32_t>(args.outputs[0].shape[0]);
  if (batch == 1 || args.parallel.run == nullptr) {
    for (uint32_t i = 0; i < batch; ++i) slot(i, 0);
  } else {
    args.parallel.for_each(batch, slot);
  }
}

}  // namespace stint::cpu
