// Keypoints of each detection, back in the frame they were seen in.
#include "kernels/cpu/detail_rows.h"
#include "kernels/cpu/fit_geometry.h"
#include "kernels/cpu/kernel_table.h"

namespace stint::cpu {
namespace {

float clipped(double v, int32_t limit) {
  return static_cast<float>(v < 0.0 ? 0.0 : (v > limit ? limit : v));
}

void keypoints_of(const DetectionDetailParams& p, const StepArgs& args, int64_t slot, int64_t i) {
  const TensorView& out = args.outputs[0];
  float* first = out.as<float>() + slot * out.strides[0] + i * out.strides[1];
  const HeadView head(p, args.inputs[0]);
  const int64_t row = kept_row(args, slot, i);
  const FitGeometry g = fit_geometry(p.fit, p.input_width, p.input_height,
                                     args.image_count > 0 ? args.images[slot] : ImageView{});
  const float scale_x = p.normalized_boxes ? static_cast<float>(p.input_width) : 1.0f;
  const float scale_y = p.normalized_boxes ? static_cast<float>(p.input_height) : 1.0f;
  for (int64_t k = 0; k < out.shape[2]; ++k) {
    float* point = first + k * out.strides[2];
    if (!head.has(row)) {
      point[0] = point[1] = point[2] = 0.0f;
      continue;
    }
    const int64_t column = p.first_column + k * p.point_values;
    point[0] = clipped(g.to_source_x(head.at(slot, row, column) * scale_x), g.frame_width);
    point[1] = clipped(g.to_source_y(head.at(slot, row, column + 1) * scale_y), g.frame_height);
    point[2] = p.point_values == 3 ? head.at(slot, row, column + 2) : 1.0f;
  }
}

}  // namespace

Status check_detection_keypoints(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<DetectionDetailParams>(args));
  STINT_RETURN_IF_ERROR(check_operands(args, 2, 2, 1));
  const auto& p = params_of<DetectionDetailParams>(args);
  const TensorView& out = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_dtype(out, DType::kF32));
  if (p.point_values < 2 || p.point_values > 3)
    return corrupt("a keypoint has 2 or 3 values", p.point_values, 3);
  if (out.rank != 4 || out.shape[3] != 3)
    return corrupt("keypoints must be [batch, max, points, 3]", out.rank, 4);
  if (out.shape[2] < 1 || out.shape[2] > INT32_MAX)
    return corrupt("number of keypoints is out of range", out.shape[2], INT32_MAX);
  STINT_RETURN_IF_ERROR(check_detail_inputs(p, args, out.shape[2] * p.point_values));
  const TensorView& rows = args.inputs[1];
  if (out.shape[0] != rows.shape[0] || out.shape[1] != rows.shape[1])
    return corrupt("keypoints are not as many as the kept rows", out.shape[1], rows.shape[1]);
  return check_inner_dense(out);
}

void run_detection_keypoints(const StepArgs& args) {
  const auto& p = params_of<DetectionDetailParams>(args);
  for_each_place(args, [&](int64_t slot, int64_t i) { keypoints_of(p, args, slot, i); });
}

}  // namespace stint::cpu
