// Mask of each detection: a sum of prototypes, thresholded inside the detection's box. Only the
// box's pixels are computed.
#include <cmath>
#include <cstring>

#include "kernels/cpu/detail_rows.h"
#include "kernels/cpu/kernel_table.h"

namespace stint::cpu {
namespace {

/// First pixel whose left edge is at or behind `edge`, within 0..limit.
int64_t first_pixel(float edge, int64_t limit) {
  if (!(edge > 0.0f)) return 0;
  return edge < static_cast<float>(limit) ? static_cast<int64_t>(std::ceil(edge)) : limit;
}

/// Pixels [x0, x1) x [y0, y1) of a mask.
struct PixelBox {
  int64_t x0, y0, x1, y1;
};

PixelBox pixels_of_box(const DetectionDetailParams& p, const HeadView& head, int64_t slot,
                       int64_t row, int64_t width, int64_t height) {
  float b[4];
  for (int k = 0; k < 4; ++k) b[k] = head.at(slot, row, k);
  if (p.center_boxes) {
    const float w = b[2] / 2, h = b[3] / 2, x = b[0], y = b[1];
    b[0] = x - w, b[1] = y - h, b[2] = x + w, b[3] = y + h;
  }
  const auto side = [](int32_t input, uint8_t normalized) {
    return normalized ? 1.0f : static_cast<float>(input);
  };
  const float input_w = side(p.input_width, p.normalized_boxes);
  const float input_h = side(p.input_height, p.normalized_boxes);
  const auto mask_w = static_cast<float>(width), mask_h = static_cast<float>(height);
  return {first_pixel(b[0] * mask_w / input_w, width), first_pixel(b[1] * mask_h / input_h, height),
          first_pixel(b[2] * mask_w / input_w, width),
          first_pixel(b[3] * mask_h / input_h, height)};
}

/// Several sums at once: the compiler may not reorder one.
float dot(const float* a, const float* b, int64_t n) {
  constexpr int kSums = 8;
  float sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (int k = 0; k < kSums; ++k) sums[k] += a[i + k] * b[i + k];
  float sum = 0.0f;
  for (; i < n; ++i) sum += a[i] * b[i];
  for (int k = 0; k < kSums; ++k) sum += sums[k];
  return sum;
}

constexpr int64_t kMaxCoefficients = 256;

void mask_of(const DetectionDetailParams& p, const StepArgs& args, int64_t slot, int64_t i) {
  const TensorView& prototypes = args.inputs[2];
  const TensorView& masks = args.outputs[0];
  const int64_t height = masks.shape[2], width = masks.shape[3], count = prototypes.shape[3];
  uint8_t* mask = masks.as<uint8_t>() + slot * masks.strides[0] + i * masks.strides[1];
  for (int64_t y = 0; y < height; ++y)
    std::memset(mask + y * masks.strides[2], 0, static_cast<size_t>(width));
  const HeadView head(p, args.inputs[0]);
  const int64_t row = kept_row(args, slot, i);
  if (!head.has(row)) return;
  float coefficients[kMaxCoefficients];
  for (int64_t k = 0; k < count; ++k) coefficients[k] = head.at(slot, row, p.first_column + k);
  const PixelBox box = pixels_of_box(p, head, slot, row, width, height);
  const float* first = prototypes.as<float>() + slot * prototypes.strides[0];
  for (int64_t y = box.y0; y < box.y1; ++y) {
    for (int64_t x = box.x0; x < box.x1; ++x) {
      const float* pixel = first + y * prototypes.strides[1] + x * prototypes.strides[2];
      mask[y * masks.strides[2] + x] = dot(coefficients, pixel, count) > p.threshold ? 1 : 0;
    }
  }
}

}  // namespace

Status check_detection_masks(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<DetectionDetailParams>(args));
  STINT_RETURN_IF_ERROR(check_operands(args, 3, 3, 1));
  const auto& p = params_of<DetectionDetailParams>(args);
  const TensorView& prototypes = args.inputs[2];
  const TensorView& masks = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_dtype(prototypes, DType::kF32));
  STINT_RETURN_IF_ERROR(check_dtype(masks, DType::kU8));
  if (prototypes.rank != 4)
    return corrupt("prototypes must be [batch, height, width, coefficients]", prototypes.rank, 4);
  const int64_t count = prototypes.shape[3];
  if (count < 1 || count > kMaxCoefficients)
    return corrupt("number of mask coefficients is out of range", count, kMaxCoefficients);
  STINT_RETURN_IF_ERROR(check_detail_inputs(p, args, count));
  const TensorView& rows = args.inputs[1];
  if (masks.rank != 4) return corrupt("masks must be [batch, max, height, width]", masks.rank, 4);
  const int64_t expected[4] = {rows.shape[0], rows.shape[1], prototypes.shape[1],
                               prototypes.shape[2]};
  for (int i = 0; i < 4; ++i)
    if (masks.shape[i] != expected[i])
      return corrupt("masks must be [batch, max, height, width]", masks.shape[i], expected[i]);
  if (prototypes.shape[0] != rows.shape[0])
    return corrupt("prototypes have another batch size", prototypes.shape[0], rows.shape[0]);
  STINT_RETURN_IF_ERROR(check_inner_dense(prototypes));
  return check_inner_dense(masks);
}

void run_detection_masks(const StepArgs& args) {
  const auto& p = params_of<DetectionDetailParams>(args);
  for_each_place(args, [&](int64_t slot, int64_t i) { mask_of(p, args, slot, i); });
}

}  // namespace stint::cpu
