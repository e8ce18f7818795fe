// Moves elements. Before this header:
//   kPack    neighbouring elements of a thread
//   Elements iteration space, a pack an element: locate(args, i, &from, &to) finds where pack i
//            comes from and goes to
#pragma once

__device__ __forceinline__ void run(const Args& args) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= kPacks) return;
  const In0* from;
  Out0* to;
  locate(args, i, &from, &to);
  const Pack<In0, kPack> x = *reinterpret_cast<const Pack<In0, kPack>*>(from);
  Pack<Out0, kPack> y;
#pragma unroll
  for (int k = 0; k < kPack; ++k) y.item[k] = moved<Out0>(x.item[k]);
  *reinterpret_cast<Pack<Out0, kPack>*>(to) = y;
}
