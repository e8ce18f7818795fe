// Element-wise programs over broadcast operands: Pointwise, Unary, Binary, Where, Cast. The source
// before this header defines
//   Number     type that elements are computed in
//   kPack      neighbouring elements of a thread
//   Elements   iteration space, a pack an element: offsets of the inputs, then of the output
//   Operands   what a thread reads: read(args, offset) loads the packs,
//              result(k) computes element k
#pragma once

__device__ __forceinline__ void run(const Args& args) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= Elements::kElements) return;
  index_t offset[Elements::kOperands];
  Elements::at(i, offset);
  Operands operands;
  operands.read(args, offset);
  Pack<Out0, kPack> y;
#pragma unroll
  for (int k = 0; k < kPack; ++k) y.item[k] = store<Out0>(operands.result(k));
  *reinterpret_cast<Pack<Out0, kPack>*>(out0(args) + offset[Elements::kOperands - 1]) = y;
}
