// ONNX NonMaxSuppression.
#include <cmath>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/kernel_table.h"
#include "plan_schema/params/nms.h"

namespace stint::cpu {
namespace {

struct Corners {
  float x1, y1, x2, y2;
};

Corners corners_of(const float* b, bool center) {
  if (center) return {b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
  // Any two opposite corners, y before x.
  return {b[1] < b[3] ? b[1] : b[3], b[0] < b[2] ? b[0] : b[2], b[1] < b[3] ? b[3] : b[1],
          b[0] < b[2] ? b[2] : b[0]};
}

float area(const Corners& c) { return (c.x2 - c.x1) * (c.y2 - c.y1); }

bool suppresses(const Corners& a, const Corners& b, float threshold) {
  const float left = a.x1 > b.x1 ? a.x1 : b.x1, right = a.x2 < b.x2 ? a.x2 : b.x2;
  const float top = a.y1 > b.y1 ? a.y1 : b.y1, bottom = a.y2 < b.y2 ? a.y2 : b.y2;
  if (!(right > left) || !(bottom > top)) return false;
  const float both = (right - left) * (bottom - top);
  const float area_a = area(a), area_b = area(b);
  if (!(area_a > 0.0f) || !(area_b > 0.0f)) return false;
  return both / (area_a + area_b - both) > threshold;
}

/// A heap of row numbers with the best on top: the higher score, then the lower row.
struct RowHeap {
  const float* scores;
  int32_t* rows;
  int32_t count = 0;

  bool before(int32_t a, int32_t b) const {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  }

  void sink(int32_t at) {
    const int32_t row = rows[at];
    for (int32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
      if (child + 1 < count && before(rows[child + 1], rows[child])) ++child;
      if (!before(rows[child], row)) break;
      rows[at] = rows[child];
      at = child;
    }
    rows[at] = row;
  }
  void build() {
    for (int32_t i = count / 2 - 1; i >= 0; --i) sink(i);
  }
  int32_t pop() {
    const int32_t best = rows[0];
    rows[0] = rows[--count];
    if (count > 0) sink(0);
    return best;
  }
};

int64_t per_class(const NmsParams& p, int64_t rows) {
  return p.max_output_per_class < rows ? (p.max_output_per_class < 0 ? 0 : p.max_output_per_class)
                                       : rows;
}

int64_t* selection(const TensorView& y, int64_t i) { return y.as<int64_t>() + i * y.strides[0]; }

/// Selects for one image and class into rows [first, first + limit) of the output; returns how
/// many.
int64_t select(const StepArgs& args, int64_t image, int64_t c, int64_t first, int64_t limit,
               int32_t* scratch) {
  const auto& p = params_of<NmsParams>(args);
  const TensorView& boxes = args.inputs[0];
  const TensorView& scores = args.inputs[1];
  RowHeap heap;
  heap.scores = scores.as<float>() + image * scores.strides[0] + c * scores.strides[1];
  heap.rows = scratch;
  for (int32_t row = 0; row < static_cast<int32_t>(scores.shape[2]); ++row) {
    const float s = heap.scores[row];
    if (p.has_score_threshold ? s > p.score_threshold : s == s) heap.rows[heap.count++] = row;
  }
  heap.build();
  const auto box = [&](int64_t row) {
    return corners_of(boxes.as<float>() + image * boxes.strides[0] + row * boxes.strides[1],
                      p.center_point_box != 0);
  };
  int64_t kept = 0;
  while (heap.count > 0 && kept < limit) {
    const int32_t row = heap.pop();
    const Corners candidate = box(row);
    bool covered = false;
    for (int64_t k = 0; k < kept && !covered; ++k)
      covered =
          suppresses(box(selection(args.outputs[0], first + k)[2]), candidate, p.iou_threshold);
    if (covered) continue;
    int64_t* to = selection(args.outputs[0], first + kept++);
    to[0] = image;
    to[1] = c;
    to[2] = row;
  }
  return kept;
}

}  // namespace

Status check_nms(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<NmsParams>(args));
  STINT_RETURN_IF_ERROR(check_operands(args, 2, 2, 1));
  const auto& p = params_of<NmsParams>(args);
  const TensorView& boxes = args.inputs[0];
  const TensorView& scores = args.inputs[1];
  const TensorView& y = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_dtype(boxes, DType::kF32));
  STINT_RETURN_IF_ERROR(check_dtype(scores, DType::kF32));
  STINT_RETURN_IF_ERROR(check_dtype(y, DType::kI64));
  if (boxes.rank != 3 || boxes.shape[2] != 4)
    return corrupt("boxes must be [batch, rows, 4]", boxes.rank, 3);
  if (scores.rank != 3 || scores.shape[0] != boxes.shape[0] || scores.shape[2] != boxes.shape[1])
    return corrupt("scores must be [batch, classes, rows]", scores.rank, 3);
  STINT_RETURN_IF_ERROR(check_inner_dense(boxes));
  STINT_RETURN_IF_ERROR(check_inner_dense(scores));
  STINT_RETURN_IF_ERROR(check_inner_dense(y));
  if (boxes.shape[1] > INT32_MAX) return corrupt("too many boxes", boxes.shape[1], INT32_MAX);
  int64_t bound = 0;
  if (!checked_mul(scores.shape[0], scores.shape[1], &bound) ||
      !checked_mul(bound, per_class(p, boxes.shape[1]), &bound))
    return corrupt("too many selections");
  if (y.rank != 2 || y.shape[0] != bound || y.shape[1] != 3)
    return corrupt("selections must be [bound, 3]", y.rank > 0 ? y.shape[0] : 0, bound);
  const uint64_t scratch = nms_scratch_bytes(static_cast<uint64_t>(boxes.shape[1]));
  if (args.worker_scratch_bytes < scratch)
    return corrupt("scratch of a suppression is too small",
                   static_cast<int64_t>(args.worker_scratch_bytes), static_cast<int64_t>(scratch));
  return ok_status();
}

void run_nms(const StepArgs& args) {
  const auto& p = params_of<NmsParams>(args);
  const TensorView& scores = args.inputs[1];
  const TensorView& y = args.outputs[0];
  const int64_t limit = per_class(p, scores.shape[2]);
  // One after another: each selection starts where the one before it ended.
  int64_t used = 0;
  for (int64_t image = 0; image < scores.shape[0]; ++image) {
    for (int64_t c = 0; c < scores.shape[1]; ++c)
      used += select(args, image, c, used, limit, reinterpret_cast<int32_t*>(args.worker_scratch));
  }
  for (; used < y.shape[0]; ++used) {
    for (int k = 0; k < 3; ++k) selection(y, used)[k] = -1;
  }
}

}  // namespace stint::cpu
