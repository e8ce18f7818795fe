// Local response normalisation across channels. Before this header: Number, Elements (offsets of x,
// y, and the channel), kChannels, kStep of the channels of x, kBefore, kAfter, and the parameters
// factor() = alpha / size, offset_of() = bias, beta().
#pragma once

__device__ __forceinline__ Number inverse_power(Number x) {
  if (beta() == 0.75f) {
    const Number root = sqrt_of(x);
    return Number(1) / (root * sqrt_of(root));
  }
  return pow_of(x, -static_cast<Number>(beta()));
}

__device__ __forceinline__ void run(const Args& args) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= Elements::kElements) return;
  index_t offset[3];
  Elements::at(i, offset);
  const int64_t c = static_cast<int64_t>(offset[2]);
  const int64_t low = c > kBefore ? c - kBefore : 0;
  const int64_t high = kAfter < kChannels - 1 - c ? c + kAfter + 1 : kChannels;
  const In0* x = in0(args) + offset[0];
  Number squares = 0;
  for (int64_t k = low; k < high; ++k) {
    const Number v = load<Number>(x[(k - c) * kStep]);
    squares += v * v;
  }
  const Number base = static_cast<Number>(offset_of()) + static_cast<Number>(factor()) * squares;
  out0(args)[offset[1]] = store<Out0>(load<Number>(*x) * inverse_power(base));
}
