// Rows of x picked by an index tensor. Before this header: Elements (offsets of x, indices, y),
// kExtent and kStep of the axis.
#pragma once

__device__ __forceinline__ void run(const Args& args) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= Elements::kElements) return;
  index_t offset[3];
  Elements::at(i, offset);
  int64_t at = in1(args)[offset[1]];
  if (at < 0) at += kExtent;
  at = at < 0 ? 0 : at >= kExtent ? kExtent - 1 : at;
  out0(args)[offset[2]] = moved<Out0>(in0(args)[offset[0] + static_cast<index_t>(at) * kStep]);
}
