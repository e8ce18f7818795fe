// Class of every pixel; the first of equal scores wins. Before this header: Elements (offsets of x
// and y), kClasses, kStep.
#pragma once

__device__ __forceinline__ void run(const Args& args) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= Elements::kElements) return;
  index_t offset[2];
  Elements::at(i, offset);
  float best = float_of_bits(0xFF800000u);
  int32_t at = 0;
  for (int32_t c = 0; c < kClasses; ++c) {
    const float v =
        load<float>(in0(args)[offset[0] + static_cast<index_t>(c) * static_cast<index_t>(kStep)]);
    if (v > best) {
      best = v;
      at = c;
    }
  }
  out0(args)[offset[1]] = store<Out0>(static_cast<int64_t>(at));
}
