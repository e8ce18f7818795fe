// The k best elements along an axis: every element counts how many come before it, which is its
// place in the result, and gives up once that is k or more. A NaN counts as larger than every
// number; equal elements keep their order. Before this header: Number, kLargest, kHasValues,
// kHasIndices, kK, kLength, steps of the axis, Kept (offsets of x, values, indices).
#pragma once

__device__ __forceinline__ bool comes_before(Number a, index_t ia, Number b, index_t ib) {
  const bool a_nan = a != a, b_nan = b != b;
  if (a_nan != b_nan) return a_nan == kLargest;
  if (!a_nan && a != b) return kLargest ? a > b : a < b;
  return ia < ib;
}

__device__ __forceinline__ void run(const Args& args) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= Kept::kElements * kLength) return;
  const index_t own = i % kLength;
  index_t offset[3];
  Kept::at(i / kLength, offset);
  const In0* line = in0(args) + offset[0];
  const Number value = load<Number>(line[own * static_cast<index_t>(kXStep)]);
  index_t place = 0;
  for (index_t j = 0; j < kLength && place < kK; ++j)
    if (comes_before(load<Number>(line[j * static_cast<index_t>(kXStep)]), j, value, own)) ++place;
  if (place >= kK) return;
  write_result(args, offset, place, line[own * static_cast<index_t>(kXStep)], own);
}
