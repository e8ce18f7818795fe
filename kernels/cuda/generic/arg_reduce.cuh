// Index of the largest or smallest element along an axis; the first NaN wins over every number.
// Before this header: Number, kIsMax, kSelectLast, kLength, kStep, Kept (offsets of x and y).
#pragma once

struct Found {
  Number value;
  int64_t index;  // -1: nothing yet
};

struct Better {
  __device__ __forceinline__ Found operator()(const Found& a, const Found& b) const {
    if (a.index < 0) return b;
    if (b.index < 0) return a;
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
    const bool a_first = a.index < b.index;
    if (a_nan || b_nan) return a_nan && b_nan ? (a_first ? a : b) : a_nan ? a : b;
    if (a.value == b.value) return a_first != kSelectLast ? a : b;
    return (kIsMax ? a.value > b.value : a.value < b.value) ? a : b;
  }
};

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  const bool real = team.line < Kept::kElements;
  index_t offset[2] = {0, 0};
  if (real) Kept::at(team.line, offset);
  Found best = {0, -1};
  if (real)
    for (index_t j = static_cast<index_t>(team.part); j < kLength; j += kParts)
      best = Better()(best, {load<Number>(in0(args)[offset[0] + j * static_cast<index_t>(kStep)]),
                             static_cast<int64_t>(j)});
  best = team.combined(best, Better());
  if (real && team.part == 0) out0(args)[offset[1]] = store<Out0>(best.index);
}
