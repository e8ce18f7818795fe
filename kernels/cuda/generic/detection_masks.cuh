// Mask of each detection, as kernels/cpu/detection_masks.cc has it. A thread a pixel; outside the
// box it writes a zero and reads no prototype. Before this header, besides detail_rows.cuh's:
// kCenterBoxes, kHeight, kWidth, kCoefficients, strides kPrototypeSlot, kPrototypeRow,
// kPrototypePixel, kMaskSlot, kMaskPlace, kMaskRow; threshold().
#pragma once

/// Whether pixel `at` of `pixels` lies in [first, last), which are parts of an input of `side`.
__device__ __forceinline__ bool covers(float first, float last, float side, int32_t at,
                                       int32_t pixels) {
  const float p = static_cast<float>(at), n = static_cast<float>(pixels);
  return !(first * n / side > p) && last * n / side > p;
}

__device__ __forceinline__ bool in_box(const Args& args, int64_t slot, int64_t row, int32_t x,
                                       int32_t y) {
  float b[4];
#pragma unroll
  for (int k = 0; k < 4; ++k) b[k] = head_value(args, slot, row, k);
  if (kCenterBoxes) {
    const float cx = b[0], cy = b[1], w = b[2] / 2, h = b[3] / 2;
    b[0] = cx - w, b[1] = cy - h, b[2] = cx + w, b[3] = cy + h;
  }
  const float width = kNormalized ? 1.0f : static_cast<float>(kInputWidth);
  const float height = kNormalized ? 1.0f : static_cast<float>(kInputHeight);
  return covers(b[0], b[2], width, x, kWidth) && covers(b[1], b[3], height, y, kHeight);
}

__device__ __forceinline__ void run(const Args& args) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= static_cast<index_t>(kBatch * kMost) * kHeight * kWidth) return;
  const int32_t x = static_cast<int32_t>(i % kWidth);
  const index_t line = i / kWidth;
  const int32_t y = static_cast<int32_t>(line % kHeight);
  const int64_t place = static_cast<int64_t>(line / kHeight);
  const int64_t slot = place / kMost, which = place % kMost;
  const int64_t row = kept_row(args, slot, which);
  bool inside = false;
  if (row >= 0 && in_box(args, slot, row, x, y)) {
    const In2* pixel = in2(args) + slot * kPrototypeSlot + static_cast<int64_t>(y) * kPrototypeRow +
                       static_cast<int64_t>(x) * kPrototypePixel;
    float sum = 0.0f;
    for (int32_t k = 0; k < kCoefficients; ++k)
      sum += head_value(args, slot, row, kFirstColumn + k) * load<float>(pixel[k]);
    inside = sum > threshold();
  }
  out0(args)[slot * kMaskSlot + which * kMaskPlace + static_cast<int64_t>(y) * kMaskRow + x] =
      inside ? 1 : 0;
}
