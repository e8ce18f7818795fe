// Reductions. Before this header: Number, kOp (ReduceOp), Kept (offsets of x and y), Reduced
// (offset of x).
#pragma once

// Only named for integers, never called: the builder has them computed in double where an operation
// needs these.
template <typename C>
__device__ __forceinline__ C exp_of(C x) {
  return x;
}
template <typename C>
__device__ __forceinline__ C log_of(C x) {
  return x;
}
template <typename C>
__device__ __forceinline__ C sqrt_of(C x) {
  return x;
}

__device__ __forceinline__ Number element_at(const Args& args, index_t from, index_t j) {
  index_t offset[1];
  Reduced::at(j, offset);
  return load<Number>(in0(args)[from + offset[0]]);
}

/// `line` is real: the team's threads all take part in combining, but only then read.
template <typename F>
__device__ __forceinline__ Sum<Number> sum_of(const Args& args, const Team& team, bool real,
                                              index_t from, F term) {
  Sum<Number> sum;
  if (real)
    for (index_t j = static_cast<index_t>(team.part); j < Reduced::kElements; j += kParts)
      sum.add(term(element_at(args, from, j)));
  return team.combined(sum, MergeSums());
}

template <typename F>
__device__ __forceinline__ Number fold(const Args& args, const Team& team, bool real, index_t from,
                                       Number start, F combine) {
  Number best = start;
  if (real)
    for (index_t j = static_cast<index_t>(team.part); j < Reduced::kElements; j += kParts)
      best = combine(best, element_at(args, from, j));
  return team.combined(best, combine);
}

struct Itself {
  __device__ __forceinline__ Number operator()(Number v) const { return v; }
};
struct Magnitude {
  __device__ __forceinline__ Number operator()(Number v) const { return op_abs(v); }
};
struct Square {
  __device__ __forceinline__ Number operator()(Number v) const { return op_mul(v, v); }
};
struct ShiftedExp {
  Number shift;
  __device__ __forceinline__ Number operator()(Number v) const { return exp_of(v - shift); }
};

template <int kReduction>
__device__ __forceinline__ Number reduced(const Args& args, const Team& team, bool real,
                                          index_t from) {
  if constexpr (kReduction == 0) return sum_of(args, team, real, from, Itself()).total();
  if constexpr (kReduction == 1) {  // mean
    const Number sum = sum_of(args, team, real, from, Itself()).total();
    if constexpr (!kIsFloating<Number>)
      if (Reduced::kElements == 0) return 0;
    return sum / static_cast<Number>(Reduced::kElements);
  }
  if constexpr (kReduction == 2) return fold(args, team, real, from, lowest<Number>(), Largest());
  if constexpr (kReduction == 3) return fold(args, team, real, from, highest<Number>(), Smallest());
  if constexpr (kReduction == 4) return fold(args, team, real, from, Number(1), Product());
  if constexpr (kReduction == 5) return sum_of(args, team, real, from, Magnitude()).total();
  if constexpr (kReduction == 6) return sqrt_of(sum_of(args, team, real, from, Square()).total());
  if constexpr (kReduction == 7) return log_of(sum_of(args, team, real, from, Itself()).total());
  if constexpr (kReduction == 8) {
    Number high = fold(args, team, real, from, lowest<Number>(), Largest());
    // Subtracting infinity from itself would make NaN of a well-defined result.
    if (is_inf(high)) high = 0;
    return log_of(sum_of(args, team, real, from, ShiftedExp{high}).total()) + high;
  }
  if constexpr (kReduction == 9) return sum_of(args, team, real, from, Square()).total();
  return 0;
}

__device__ __forceinline__ void run(const Args& args) {
  const Team team;
  const bool real = team.line < Kept::kElements;
  index_t offset[2] = {0, 0};
  if (real) Kept::at(team.line, offset);
  const Number result = reduced<kOp>(args, team, real, offset[0]);
  if (real && team.part == 0) out0(args)[offset[1]] = store<Out0>(result);
}
