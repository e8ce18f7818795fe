// What follows a classifier or a segmentation network: the best classes as detections, the best
// class of every pixel.
#include <cmath>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/detection_output.h"
#include "kernels/cpu/kernel_table.h"
#include "plan_schema/params/preprocess.h"

namespace stint::cpu {
namespace {

/// The part of the frame the scores are about: the crop, or the frame, or the network's input.
Detection looked_at(const TopClassesParams& p, const StepArgs& args, int64_t slot) {
  const FitGeometry g = fit_geometry(p.fit, p.input_width, p.input_height,
                                     args.image_count > 0 ? args.images[slot] : ImageView{});
  Detection d{};
  d.x1 = static_cast<float>(g.source_x);
  d.y1 = static_cast<float>(g.source_y);
  d.x2 = static_cast<float>(g.source_x + g.source_width);
  d.y2 = static_cast<float>(g.source_y + g.source_height);
  return d;
}

void top_classes_slot(const TopClassesParams& p, const StepArgs& args, int64_t slot) {
  DetectionOutput out(args, slot);
  const TensorView& t = args.inputs[0];
  const float* scores = t.as<float>() + slot * t.strides[0];
  const int64_t classes = t.shape[1];
  if (args.image_count > 0 && (args.images[slot].width == 0 || args.images[slot].height == 0)) {
    out.finish();
    return;
  }
  float largest = -INFINITY;
  double sum = 0.0;
  if (p.score_function == ScoreFunction::kSoftmax) {
    for (int64_t c = 0; c < classes; ++c) largest = scores[c] > largest ? scores[c] : largest;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(scores[c] - largest));
  }
  float threshold = p.score_threshold;
  int64_t wanted = args.outputs[0].shape[1];
  if (args.limits != nullptr) {
    if (args.limits->score_threshold >= 0.0f) threshold = args.limits->score_threshold;
    if (args.limits->max_detections > 0 && args.limits->max_detections < wanted)
      wanted = args.limits->max_detections;
  }
  Detection d = looked_at(p, args, slot);
  // Selection by repeated search: k is small, and nothing has to be stored. The next one is the
  // best among those that come after the last one in the order (score, then class).
  float last = INFINITY;
  int64_t last_class = -1;
  for (int64_t n = 0; n < wanted; ++n) {
    float best = -INFINITY;
    int64_t best_class = -1;
    for (int64_t c = p.first_class; c < classes; ++c) {
      const bool available = scores[c] < last || (scores[c] == last && c > last_class);
      if (available && (best_class < 0 ? scores[c] >= best : scores[c] > best)) {
        best = scores[c];
        best_class = c;
      }
    }
    if (best_class < 0) break;
    last = best;
    last_class = best_class;
    d.score = best;
    if (p.score_function == ScoreFunction::kSigmoid) d.score = 1.0f / (1.0f + std::exp(-best));
    if (p.score_function == ScoreFunction::kSoftmax)
      d.score = static_cast<float>(std::exp(static_cast<double>(best - largest)) / sum);
    if (!(d.score >= threshold)) break;
    d.class_id = static_cast<int32_t>(best_class);
    out.add(d);
  }
  out.finish();
}

}  // namespace

Status check_top_classes(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<TopClassesParams>(args));
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 2));
  const auto& p = params_of<TopClassesParams>(args);
  const TensorView& t = args.inputs[0];
  if (p.fit > FitMode::kCrop) return corrupt("unknown fit mode", static_cast<int64_t>(p.fit));
  if (p.score_function > ScoreFunction::kSoftmax)
    return corrupt("unknown score function", static_cast<int64_t>(p.score_function));
  if (p.input_width < 1 || p.input_width > kMaxNetworkSide)
    return corrupt("network input width is out of range", p.input_width);
  if (p.input_height < 1 || p.input_height > kMaxNetworkSide)
    return corrupt("network input height is out of range", p.input_height);
  STINT_RETURN_IF_ERROR(check_dtype(t, DType::kF32));
  if (t.rank != 2) return corrupt("scores of a classifier must have 2 axes", t.rank, 2);
  if (t.shape[1] < 1 || t.shape[1] > INT32_MAX)
    return corrupt("number of classes is out of range", t.shape[1]);
  if (p.first_class < 0 || p.first_class >= t.shape[1])
    return corrupt("first class is not one of the classes", p.first_class, t.shape[1]);
  STINT_RETURN_IF_ERROR(check_inner_dense(t));
  return check_detection_outputs(args, t.shape[0]);
}

void run_top_classes(const StepArgs& args) {
  const auto& p = params_of<TopClassesParams>(args);
  for (int64_t slot = 0; slot < args.inputs[0].shape[0]; ++slot) top_classes_slot(p, args, slot);
}

namespace {

/// The input as [outer..., classes, inner...] with the class axis taken out; the output walks the
/// same outer axes.
struct MaskAxes {
  int rank = 0;
  int64_t shape[kMaxRank] = {};
  int64_t in_stride[kMaxRank] = {};
  int64_t out_stride[kMaxRank] = {};
};

bool keeps_axis(const TensorView& x, const TensorView& y) { return x.rank == y.rank; }

MaskAxes mask_axes(const TensorView& x, const TensorView& y, int axis) {
  MaskAxes m;
  for (int i = 0; i < x.rank; ++i) {
    if (i == axis) continue;
    const int j = keeps_axis(x, y) || i < axis ? i : i - 1;
    m.shape[m.rank] = x.shape[i];
    m.in_stride[m.rank] = x.strides[i];
    m.out_stride[m.rank++] = y.strides[j];
  }
  return m;
}

uint8_t first_largest(const float* scores, int64_t stride, int64_t classes) {
  float best = -INFINITY;
  int64_t at = 0;
  for (int64_t c = 0; c < classes; ++c) {
    const float v = scores[c * stride];
    if (v > best) {
      best = v;
      at = c;
    }
  }
  return static_cast<uint8_t>(at);
}

}  // namespace

Status check_argmax_mask(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<ArgmaxMaskParams>(args));
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  const auto& p = params_of<ArgmaxMaskParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_dtype(x, DType::kF32));
  STINT_RETURN_IF_ERROR(check_dtype(y, DType::kU8));
  STINT_RETURN_IF_ERROR(check_axis(p.axis, x));
  if (x.shape[p.axis] < 1 || x.shape[p.axis] > 256)
    return corrupt("a class mask holds 1 to 256 classes", x.shape[p.axis], 256);
  if (y.rank != x.rank && y.rank != x.rank - 1)
    return corrupt("class mask has the wrong number of axes", y.rank, x.rank - 1);
  for (int i = 0; i < x.rank; ++i) {
    const bool keep = keeps_axis(x, y);
    if (i == p.axis && !keep) continue;
    const int64_t found = y.shape[keep || i < p.axis ? i : i - 1];
    const int64_t needed = i == p.axis ? 1 : x.shape[i];
    if (found != needed)
      return corrupt("class mask differs from the scores in shape", found, needed);
  }
  return ok_status();
}

void run_argmax_mask(const StepArgs& args) {
  const auto& p = params_of<ArgmaxMaskParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  const MaskAxes m = mask_axes(x, y, p.axis);
  if (y.elements() == 0) return;
  // Tasks are the pairs of the two outermost axes: images and rows.
  const int64_t a = m.rank > 0 ? m.shape[0] : 1, b = m.rank > 1 ? m.shape[1] : 1;
  const int64_t tasks = a * b;
  const auto row = [&](int64_t task) {
    const int64_t i = task / b, j = task % b;
    int64_t in = (m.rank > 0 ? i * m.in_stride[0] : 0) + (m.rank > 1 ? j * m.in_stride[1] : 0);
    int64_t out = (m.rank > 0 ? i * m.out_stride[0] : 0) + (m.rank > 1 ? j * m.out_stride[1] : 0);
    int64_t index[kMaxRank] = {};
    while (true) {
      y.as<uint8_t>()[out] = first_largest(x.as<float>() + in, x.strides[p.axis], x.shape[p.axis]);
      int k = m.rank - 1;
      for (; k >= 2; --k) {
        in += m.in_stride[k];
        out += m.out_stride[k];
        if (++index[k] < m.shape[k]) break;
        in -= m.in_stride[k] * m.shape[k];
        out -= m.out_stride[k] * m.shape[k];
        index[k] = 0;
      }
      if (k < 2) return;
    }
  };
  const uint32_t parts = args.parallel.run == nullptr ? 1 : args.parallel.workers;
  auto part = [&](uint32_t i, uint32_t) {
    for (int64_t t = tasks * i / parts; t < tasks * (i + 1) / parts; ++t) row(t);
  };
  if (parts <= 1) {
    for (int64_t t = 0; t < tasks; ++t) row(t);
  } else {
    args.parallel.for_each(parts, part);
  }
}

}  // namespace stint::cpu
