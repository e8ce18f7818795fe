// How the kernels of masks, keypoints and rotated boxes find a detection in the detector's head.
#pragma once

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/kernel.h"
#include "plan_schema/params/detection_details.h"
#include "plan_schema/params/preprocess.h"

namespace stint::cpu {

/// Detections may be as many as the decoder gives; counts of work items stay 32-bit.
inline constexpr int64_t kMaxDetailItems = INT32_MAX;

/// The head, whichever way round it lies.
struct HeadView {
  HeadView(const DetectionDetailParams& p, const TensorView& t)
      : data(t.as<float>()),
        rows(t.shape[p.transposed ? 2 : 1]),
        columns(t.shape[p.transposed ? 1 : 2]),
        slot_stride(t.strides[0]),
        row_stride(p.transposed ? 1 : t.strides[1]),
        column_stride(p.transposed ? t.strides[1] : 1) {}

  /// Row numbers are data, not checked before the run.
  bool has(int64_t row) const { return row >= 0 && row < rows; }
  float at(int64_t slot, int64_t row, int64_t column) const {
    return data[slot * slot_stride + row * row_stride + column * column_stride];
  }

  const float* data;
  int64_t rows, columns, slot_stride, row_stride, column_stride;
};

/// The row of detection `i`; one that the head does not have where there is none.
inline int64_t kept_row(const StepArgs& args, int64_t slot, int64_t i) {
  const TensorView& rows = args.inputs[1];
  return rows.as<int32_t>()[slot * rows.strides[0] + i];
}

/// Head and rows, `columns` of the head from first_column on, and settings that all kernels share.
inline Status check_detail_inputs(const DetectionDetailParams& p, const StepArgs& args,
                                  int64_t columns) {
  const TensorView& head = args.inputs[0];
  const TensorView& rows = args.inputs[1];
  STINT_RETURN_IF_ERROR(check_dtype(head, DType::kF32));
  STINT_RETURN_IF_ERROR(check_dtype(rows, DType::kI32));
  if (head.rank != 3) return corrupt("the head of a detector must have 3 axes", head.rank, 3);
  if (rows.rank != 2) return corrupt("kept rows must be [batch, max]", rows.rank, 2);
  const int64_t batch = rows.shape[0];
  if (head.shape[0] != batch)
    return corrupt("the head has another batch size than the kept rows", head.shape[0], batch);
  STINT_RETURN_IF_ERROR(check_inner_dense(head));
  STINT_RETURN_IF_ERROR(check_inner_dense(rows));
  if (p.fit > FitMode::kCrop) return corrupt("unknown fit mode", static_cast<int64_t>(p.fit));
  if (p.input_width < 1 || p.input_width > kMaxNetworkSide)
    return corrupt("network input width is out of range", p.input_width);
  if (p.input_height < 1 || p.input_height > kMaxNetworkSide)
    return corrupt("network input height is out of range", p.input_height);
  const HeadView view(p, head);
  if (p.first_column < 4 || p.first_column > view.columns ||
      columns > view.columns - p.first_column)
    return corrupt("the head has fewer columns than are read", view.columns,
                   int64_t{p.first_column} + columns);
  if (batch < 1 || rows.shape[1] < 1 || rows.shape[1] > kMaxDetailItems / batch)
    return corrupt("number of detections is out of range", rows.shape[1], kMaxDetailItems);
  if (args.image_count != 0 && args.image_count != batch)
    return corrupt("frames must be one per batch slot", args.image_count, batch);
  return ok_status();
}

/// Runs `one(slot, i)` for every detection's place in the batch.
template <typename F>
void for_each_place(const StepArgs& args, const F& one) {
  const int64_t batch = args.inputs[1].shape[0], most = args.inputs[1].shape[1];
  auto task = [&](uint32_t k, uint32_t) { one(k / most, k % most); };
  const auto places = static_cast<uint32_t>(batch * most);
  if (args.parallel.run == nullptr) {
    for (uint32_t k = 0; k < places; ++k) task(k, 0);
  } else {
    args.parallel.for_each(places, task);
  }
}

}  // namespace stint::cpu
