// Softmax and its logarithm along an axis. Before this header: Number, kLog, kLength, kXStep,
// kYStep, Kept (offsets of x and y).
#pragma once

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  const bool real = team.line < Kept::kElements;
  index_t offset[2] = {0, 0};
  if (real) Kept::at(team.line, offset);
  const In0* x = in0(args) + offset[0];
  const index_t length = real ? static_cast<index_t>(kLength) : 0;
  const index_t first = static_cast<index_t>(team.part);
  Number high = lowest<Number>();
  for (index_t j = first; j < length; j += kParts) {
    const Number v = load<Number>(x[j * static_cast<index_t>(kXStep)]);
    high = v > high ? v : high;
  }
  high = team.combined(high, [](Number a, Number b) { return b > a ? b : a; });
  Sum<Number> sum;
  for (index_t j = first; j < length; j += kParts)
    sum.add(exp_of(load<Number>(x[j * static_cast<index_t>(kXStep)]) - high));
  const Number total = team.combined(sum, MergeSums()).total();
  const Number log_total = kLog ? log_of(total) : Number(0);
  // Each thread reads an element before it writes it: y may be x.
  for (index_t j = first; j < length; j += kParts) {
    const Number v = load<Number>(x[j * static_cast<index_t>(kXStep)]) - high;
    out0(args)[offset[1] + j * static_cast<index_t>(kYStep)] =
        store<Out0>(kLog ? v - log_total : exp_of(v) / total);
  }
}
