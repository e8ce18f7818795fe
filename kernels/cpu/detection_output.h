// Writes the detections of one batch slot: f32 [n, max, 6] rows with the bits of struct Detection,
// and how many there are.
#pragma once

#include <cstring>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/fit_geometry.h"
#include "kernels/cpu/kernel.h"
#include "plan_schema/params/decode.h"

namespace stint::cpu {

static_assert(sizeof(Detection) == 6 * sizeof(float));

/// Both outputs of a decoder, and frames for all slots or for none (boxes then stay in network
/// pixels).
inline Status check_detection_outputs(const StepArgs& args, int64_t batch) {
  const TensorView& boxes = args.outputs[0];
  const TensorView& counts = args.outputs[1];
  STINT_RETURN_IF_ERROR(check_dtype(boxes, DType::kF32));
  STINT_RETURN_IF_ERROR(check_dtype(counts, DType::kI32));
  if (batch < 1 || batch > INT32_MAX)
    return corrupt("batch of a decoder is out of range", batch, 1);
  if (boxes.rank != 3 || boxes.shape[0] != batch || boxes.shape[2] != 6)
    return corrupt("detections must be [batch, max, 6]", boxes.rank > 0 ? boxes.shape[0] : 0,
                   batch);
  if (boxes.shape[1] < 1 || boxes.shape[1] > kMaxDetections)
    return corrupt("number of detections is out of range", boxes.shape[1], kMaxDetections);
  if (counts.rank != 1 || counts.shape[0] != batch)
    return corrupt("counts must be [batch]", counts.rank > 0 ? counts.shape[0] : 0, batch);
  STINT_RETURN_IF_ERROR(check_inner_dense(boxes));
  if (args.image_count != 0 && args.image_count != batch)
    return corrupt("frames must be one per batch slot", args.image_count, batch);
  return ok_status();
}

class DetectionOutput {
 public:
  DetectionOutput(const StepArgs& args, int64_t slot)
      : rows_(args.outputs[0].as<float>() + slot * args.outputs[0].strides[0]),
        stride_(args.outputs[0].strides[1]),
        capacity_(args.outputs[0].shape[1]),
        count_(args.outputs[1].as<int32_t>() + slot * args.outputs[1].strides[0]) {}

  void add(const Detection& d) {
    if (used_ < capacity_) std::memcpy(rows_ + used_++ * stride_, &d, sizeof(d));
  }

  /// Writes the count; rows beyond it become class -1 with score 0, so that the output is the same
  /// for the same input.
  void finish() {
    *count_ = static_cast<int32_t>(used_);
    const Detection none{0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -1};
    for (int64_t i = used_; i < capacity_; ++i)
      std::memcpy(rows_ + i * stride_, &none, sizeof(none));
  }

 private:
  float* rows_;
  int64_t stride_;
  int64_t capacity_;
  int32_t* count_;
  int64_t used_ = 0;
};

/// A box in network pixels, in pixels of the whole source frame and clipped to it.
inline Detection source_box(const FitGeometry& g, const float box[4]) {
  const auto clip = [](double v, int32_t limit) {
    return static_cast<float>(v < 0.0 ? 0.0 : (v > limit ? limit : v));
  };
  Detection d{};
  d.x1 = clip(g.to_source_x(box[0]), g.frame_width);
  d.y1 = clip(g.to_source_y(box[1]), g.frame_height);
  d.x2 = clip(g.to_source_x(box[2]), g.frame_width);
  d.y2 = clip(g.to_source_y(box[3]), g.frame_height);
  return d;
}

}  // namespace stint::cpu
