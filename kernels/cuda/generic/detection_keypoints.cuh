// Keypoints of each detection in the frame, as kernels/cpu/detection_keypoints.cc has it. A thread
// a keypoint. Before this header, besides detail_rows.cuh's: kFit, frame_of(args, slot), kPoints,
// kPointValues, strides kOutSlot, kOutPlace, kOutPoint.
#pragma once

__device__ __forceinline__ float clipped(double v, int32_t limit) {
  return static_cast<float>(v < 0.0 ? 0.0 : (v > limit ? limit : v));
}

__device__ __forceinline__ void run(const Args& args) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= kBatch * kMost * kPoints) return;
  const int64_t k = i % kPoints, place = i / kPoints;
  const int64_t slot = place / kMost, which = place % kMost;
  const int64_t row = kept_row(args, slot, which);
  float x = 0.0f, y = 0.0f, third = 0.0f;
  if (row >= 0) {
    const FitGeometry g = fit_geometry<kFit>(kInputWidth, kInputHeight, frame_of(args, slot));
    const int64_t column = kFirstColumn + k * kPointValues;
    const double nx = head_value(args, slot, row, column) * unit_x();
    const double ny = head_value(args, slot, row, column + 1) * unit_y();
    x = clipped(nx * g.scale_x + g.offset_x, g.frame_width);
    y = clipped(ny * g.scale_y + g.offset_y, g.frame_height);
    third = kPointValues == 3 ? head_value(args, slot, row, column + 2) : 1.0f;
  }
  Out0* to = out0(args) + slot * kOutSlot + which * kOutPlace + k * kOutPoint;
  to[0] = store<Out0>(x), to[1] = store<Out0>(y), to[2] = store<Out0>(third);
}
