// Rotated box of each detection, back in the frame it was seen in.
#include <cmath>
#include <cstring>

#include "kernels/cpu/detail_rows.h"
#include "kernels/cpu/fit_geometry.h"
#include "kernels/cpu/kernel_table.h"

namespace stint::cpu {
namespace {

constexpr int64_t kValues = 7;  // centre x, y, width, height, angle, score, class
constexpr double kQuarterTurn = 1.57079632679489661923;

/// Width, height and angle of one rectangle that say the same with an angle in [0, quarter turn).
void regularize(double* w, double* h, double* angle) {
  const double turns = std::floor(*angle / kQuarterTurn);
  *angle -= turns * kQuarterTurn;
  if (std::fmod(turns, 2.0) == 0.0) return;
  const double width = *w;
  *w = *h;
  *h = width;
}

void rotated_box_of(const DetectionDetailParams& p, const StepArgs& args, int64_t slot, int64_t i) {
  const TensorView& out = args.outputs[0];
  float* to = out.as<float>() + slot * out.strides[0] + i * out.strides[1];
  const HeadView head(p, args.inputs[0]);
  const int64_t row = kept_row(args, slot, i);
  if (!head.has(row)) {
    for (int k = 0; k < kValues; ++k) to[k] = 0.0f;
    return;
  }
  const FitGeometry g = fit_geometry(p.fit, p.input_width, p.input_height,
                                     args.image_count > 0 ? args.images[slot] : ImageView{});
  const double scale_x = p.normalized_boxes ? p.input_width : 1.0;
  const double scale_y = p.normalized_boxes ? p.input_height : 1.0;
  double w = head.at(slot, row, 2) * scale_x, h = head.at(slot, row, 3) * scale_y;
  double angle = head.at(slot, row, p.first_column);
  const double c = std::cos(angle), s = std::sin(angle);
  // Directions of the width's and the height's side after the two axes were scaled.
  const double wx = c * g.scale_x, wy = s * g.scale_y, hx = s * g.scale_x, hy = c * g.scale_y;
  w *= std::sqrt(wx * wx + wy * wy);
  h *= std::sqrt(hx * hx + hy * hy);
  angle += std::atan2(c * wy - s * wx, c * wx + s * wy);
  regularize(&w, &h, &angle);
  to[0] = static_cast<float>(g.to_source_x(head.at(slot, row, 0) * scale_x));
  to[1] = static_cast<float>(g.to_source_y(head.at(slot, row, 1) * scale_y));
  to[2] = static_cast<float>(w);
  to[3] = static_cast<float>(h);
  to[4] = static_cast<float>(angle);
  const TensorView& detections = args.inputs[2];
  const float* found =
      detections.as<float>() + slot * detections.strides[0] + i * detections.strides[1];
  int32_t class_id = 0;
  std::memcpy(&class_id, found + 5, sizeof(class_id));
  to[5] = found[4];
  to[6] = static_cast<float>(class_id);
}

/// f32 [batch, max, values].
Status check_places(const TensorView& t, const TensorView& rows) {
  STINT_RETURN_IF_ERROR(check_dtype(t, DType::kF32));
  if (t.rank != 3) return corrupt("boxes must be [batch, max, values]", t.rank, 3);
  if (t.shape[0] != rows.shape[0] || t.shape[1] != rows.shape[1])
    return corrupt("boxes are not as many as the kept rows", t.shape[1], rows.shape[1]);
  return check_inner_dense(t);
}

}  // namespace

Status check_rotated_boxes(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<DetectionDetailParams>(args));
  STINT_RETURN_IF_ERROR(check_operands(args, 3, 3, 1));
  const auto& p = params_of<DetectionDetailParams>(args);
  STINT_RETURN_IF_ERROR(check_detail_inputs(p, args, 1));
  const TensorView& rows = args.inputs[1];
  const TensorView& detections = args.inputs[2];
  const TensorView& out = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_places(detections, rows));
  STINT_RETURN_IF_ERROR(check_places(out, rows));
  if (detections.shape[2] != 6)
    return corrupt("detections must be [batch, max, 6]", detections.shape[2], 6);
  if (out.shape[2] != kValues)
    return corrupt("rotated boxes must be [batch, max, 7]", out.shape[2], kValues);
  return ok_status();
}

void run_rotated_boxes(const StepArgs& args) {
  const auto& p = params_of<DetectionDetailParams>(args);
  for_each_place(args, [&](int64_t slot, int64_t i) { rotated_box_of(p, args, slot, i); });
}

}  // namespace stint::cpu
