// Mean and variance of a line, from team.cuh. The mean is kept as a rounded value and the rest, so
// that deviations from a large mean stay exact.
#pragma once

struct Moments {
  Number mean, mean_rest, variance;
};

/// `element(j)` is element j of the line.
template <typename F>
__device__ __forceinline__ Moments moments_of(const Team& team, bool real, index_t count,
                                              F element) {
  const index_t n = real ? count : 0;
  const Number length = static_cast<Number>(count);
  Sum<Number> sum;
  for (index_t j = static_cast<index_t>(team.part); j < n; j += kParts) sum.add(element(j));
  Moments m;
  m.mean = team.combined(sum, MergeSums()).total() / length;
  Sum<Number> rest;
  for (index_t j = static_cast<index_t>(team.part); j < n; j += kParts)
    rest.add(element(j) - m.mean);
  m.mean_rest = team.combined(rest, MergeSums()).total() / length;
  Sum<Number> squares;
  for (index_t j = static_cast<index_t>(team.part); j < n; j += kParts) {
    const Number d = (element(j) - m.mean) - m.mean_rest;
    squares.add(d * d);
  }
  m.variance = team.combined(squares, MergeSums()).total() / length;
  return m;
}
