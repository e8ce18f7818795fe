// Sums or products of all elements up to each one along an axis. Before this header: Number,
// kProduct, kExclusive, kReverse, kLength, kXStep, kYStep, Kept (offsets of x and y).
#pragma once

struct Total {
  Sum<Number> sum;
  Number product = 1;

  __device__ __forceinline__ void add(Number v) {
    if constexpr (kProduct)
      product = op_mul(product, v);
    else
      sum.add(v);
  }
  __device__ __forceinline__ void merge(const Total& other) {
    product = op_mul(product, other.product);
    sum.merge(other.sum);
  }
  __device__ __forceinline__ Number value() const { return kProduct ? product : sum.total(); }
};

/// The totals of the threads before this one in its line. Every thread of the block calls it.
__device__ __forceinline__ Total total_before(const Team& team, const Total& own) {
  Total total;
  if constexpr (kParts > 1) {
    // Bytes: shared memory has no constructors.
    alignas(16) __shared__ unsigned char memory[sizeof(Total) * kTeamThreads];
    Total* totals = reinterpret_cast<Total*>(memory);
    const int t = static_cast<int>(threadIdx.x);
    constexpr int kUnit = kAcross ? kLines : 1;
    totals[t] = own;
    __syncthreads();
    for (int i = 0; i < team.part; ++i) total.merge(totals[t - (team.part - i) * kUnit]);
  }
  return total;
}

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  const bool real = team.line < Kept::kElements;
  index_t offset[2] = {0, 0};
  if (real) Kept::at(team.line, offset);
  const In0* x = in0(args) + offset[0];
  Out0* y = out0(args) + offset[1];
  // Each thread has neighbouring elements, and is the only one that reads or writes them: y may be
  // x.
  constexpr index_t kShare = static_cast<index_t>((kLength + kParts - 1) / kParts);
  const index_t length = real ? static_cast<index_t>(kLength) : 0;
  const index_t first = static_cast<index_t>(team.part) * kShare;
  const index_t end = first + kShare < length ? first + kShare : length;
  const auto place = [](index_t k) { return kReverse ? static_cast<index_t>(kLength) - 1 - k : k; };
  Total own;
  for (index_t k = first; k < end; ++k)
    own.add(load<Number>(x[place(k) * static_cast<index_t>(kXStep)]));
  Total total = total_before(team, own);
  for (index_t k = first; k < end; ++k) {
    const Number v = load<Number>(x[place(k) * static_cast<index_t>(kXStep)]);
    if (!kExclusive) total.add(v);
    y[place(k) * static_cast<index_t>(kYStep)] = store<Out0>(total.value());
    if (kExclusive) total.add(v);
  }
}
