// How the kernels of masks, keypoints and rotated boxes find a detection in the detector's head, as
// kernels/cpu/detail_rows.h has it. Before this header: kBatch, kMost (places a slot), kKeptSlot,
// kHeadRows, kHeadSlot, kHeadRow, kHeadColumn (strides), kFirstColumn, kInputWidth, kInputHeight,
// kNormalized.
#pragma once

/// The row of a detection; -1 where there is none, whatever the numbers say.
__device__ __forceinline__ int64_t kept_row(const Args& args, int64_t slot, int64_t i) {
  const int64_t row = in1(args)[slot * kKeptSlot + i];
  return row >= 0 && row < kHeadRows ? row : -1;
}

__device__ __forceinline__ float head_value(const Args& args, int64_t slot, int64_t row,
                                            int64_t column) {
  return load<float>(in0(args)[slot * kHeadSlot + row * kHeadRow + column * kHeadColumn]);
}

__device__ __forceinline__ float unit_x() {
  return kNormalized ? static_cast<float>(kInputWidth) : 1.0f;
}
__device__ __forceinline__ float unit_y() {
  return kNormalized ? static_cast<float>(kInputHeight) : 1.0f;
}
