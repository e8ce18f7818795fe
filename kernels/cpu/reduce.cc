// Reductions over any axes of any type. Sums of floating point are taken in double: the same result
// for every order of axes and number of threads, and no loss on the large means of vision networks.
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/nan_keeping.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/elementwise.h"
#include "plan_schema/params/reduce.h"

namespace stint::cpu {
namespace {

/// Results accumulated side by side when the innermost axis is kept.
constexpr int64_t kColumns = 64;

bool reduces(const ReduceParams& p, int axis) { return (p.axes >> axis & 1) != 0; }

/// Logarithms and roots of integers are taken in floating point.
bool needs_floating(ReduceOp op) {
  return op == ReduceOp::kL2 || op == ReduceOp::kLogSum || op == ReduceOp::kLogSumExp;
}

/// What one pass over the elements accumulates.
enum class Accumulate : uint8_t { kSum, kAbsSum, kSquareSum, kProduct, kMax, kMin, kExpSum };

Accumulate accumulation(ReduceOp op) {
  switch (op) {
    case ReduceOp::kL1:
      return Accumulate::kAbsSum;
    case ReduceOp::kL2:
    case ReduceOp::kSumSquare:
      return Accumulate::kSquareSum;
    case ReduceOp::kProd:
      return Accumulate::kProduct;
    case ReduceOp::kMax:
      return Accumulate::kMax;
    case ReduceOp::kMin:
      return Accumulate::kMin;
    case ReduceOp::kLogSumExp:
      return Accumulate::kExpSum;
    default:
      return Accumulate::kSum;
  }
}

template <typename A>
A identity(Accumulate what) {
  using Limits = std::numeric_limits<A>;
  switch (what) {
    case Accumulate::kProduct:
      return A{1};
    case Accumulate::kMax:
      return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    case Accumulate::kMin:
      return Limits::has_infinity ? Limits::infinity() : Limits::max();
    default:
      return A{0};
  }
}

/// Integers accumulate modulo 2^64: signed overflow is not left to the language.
template <typename A>
using Wrapping = std::conditional_t<std::is_same_v<A, int64_t>, uint64_t, A>;

/// acc[i * acc_step] takes x[i], i < n. `shift` is subtracted before an exponential.
template <typename A, typename C>
void accumulate(Accumulate what, const C* x, int64_t n, A* acc, int64_t acc_step, const A* shift) {
  using W = Wrapping<A>;
  const auto each = [&](auto f) {
    for (int64_t i = 0; i < n; ++i)
      acc[i * acc_step] = static_cast<A>(f(acc[i * acc_step], static_cast<A>(x[i])));
  };
  switch (what) {
    case Accumulate::kSum:
      return each([](A s, A v) { return static_cast<W>(s) + static_cast<W>(v); });
    case Accumulate::kAbsSum:
      return each([](A s, A v) {
        return static_cast<W>(s) + (v < 0 ? W{0} - static_cast<W>(v) : static_cast<W>(v));
      });
    case Accumulate::kSquareSum:
      return each(
          [](A s, A v) { return static_cast<W>(s) + static_cast<W>(v) * static_cast<W>(v); });
    case Accumulate::kProduct:
      return each([](A s, A v) { return static_cast<W>(s) * static_cast<W>(v); });
    case Accumulate::kMax:
      return each([](A s, A v) { return larger(v, s); });
    case Accumulate::kMin:
      return each([](A s, A v) { return smaller(v, s); });
    case Accumulate::kExpSum:
      if constexpr (std::is_floating_point_v<A>) {
        for (int64_t i = 0; i < n; ++i)
          acc[i * acc_step] += std::exp(static_cast<A>(x[i]) - shift[i * acc_step]);
      }
      return;
  }
}

/// Adds the partial result `v` to `s`.
template <typename A>
A combine(Accumulate what, A s, A v) {
  using W = Wrapping<A>;
  switch (what) {
    case Accumulate::kProduct:
      return static_cast<A>(static_cast<W>(s) * static_cast<W>(v));
    case Accumulate::kMax:
      return larger(v, s);
    case Accumulate::kMin:
      return smaller(v, s);
    default:
      return static_cast<A>(static_cast<W>(s) + static_cast<W>(v));
  }
}

/// One result from a run of elements: independent partial results so that the processor need not
/// wait for each step.
template <typename A, typename C>
void accumulate_run(Accumulate what, const C* x, int64_t n, A* acc, const A* shift) {
  constexpr int64_t kLanes = 8;
  const bool extreme = what == Accumulate::kMax || what == Accumulate::kMin;
  if ((what != Accumulate::kSum && !extreme) || n < 2 * kLanes) {
    accumulate(what, x, n, acc, 0, shift);
    return;
  }
  const int64_t whole = n - n % kLanes;
  A result;
  if (extreme) {
    C lane[kLanes];  // no wider than the elements
    for (int64_t k = 0; k < kLanes; ++k) lane[k] = x[k];
    const auto each = [&](auto better) {
      for (int64_t i = kLanes; i < whole; i += kLanes)
        for (int64_t k = 0; k < kLanes; ++k) lane[k] = better(x[i + k], lane[k]);
    };
    if (what == Accumulate::kMax)
      each([](C v, C s) { return larger(v, s); });
    else
      each([](C v, C s) { return smaller(v, s); });
    result = static_cast<A>(lane[0]);
    for (int64_t k = 1; k < kLanes; ++k) result = combine(what, result, static_cast<A>(lane[k]));
  } else {
    Wrapping<A> lane[kLanes] = {};
    for (int64_t i = 0; i < whole; i += kLanes)
      for (int64_t k = 0; k < kLanes; ++k)
        lane[k] += static_cast<Wrapping<A>>(static_cast<A>(x[i + k]));
    Wrapping<A> total = 0;
    for (int64_t k = 0; k < kLanes; ++k) total += lane[k];
    result = static_cast<A>(total);
  }
  *acc = combine(what, *acc, result);
  accumulate(what, x + whole, n - whole, acc, 0, shift);
}

template <typename A>
A finish(ReduceOp op, A acc, A shift, int64_t count) {
  switch (op) {
    case ReduceOp::kMean:
      if constexpr (std::is_floating_point_v<A>)
        return acc / static_cast<A>(count);
      else
        return count == 0 ? A{0} : acc / static_cast<A>(count);
    case ReduceOp::kL2:
      if constexpr (std::is_floating_point_v<A>)
        return std::sqrt(acc);
      else
        return acc;
    case ReduceOp::kLogSum:
      if constexpr (std::is_floating_point_v<A>)
        return std::log(acc);
      else
        return acc;
    case ReduceOp::kLogSumExp:
      if constexpr (std::is_floating_point_v<A>)
        return std::log(acc) + shift;
      else
        return acc;
    default:
      return acc;
  }
}

/// C: type elements are loaded in. A: type of the accumulators.
template <typename C, typename A>
class Reduction {
 public:
  explicit Reduction(const StepArgs& args)
      : x_(args.inputs[0]), y_(args.outputs[0]), p_(params_of<ReduceParams>(args)) {
    int out_axis = 0;
    for (int i = 0; i < x_.rank; ++i) {
      if (reduces(p_, i)) {
        reduced_.add_axis(x_.shape[i], {x_.strides[i]});
        out_axis += p_.keep_dims;
      } else {
        kept_.add_axis(x_.shape[i], {x_.strides[i], y_.strides[out_axis++]});
      }
    }
    kept_.collapse();
    reduced_.collapse();
    count_ = reduced_.elements();
  }

  void run(const Parallel& parallel) const {
    const int64_t results = kept_.elements();
    const int64_t grain = 1 + 16 * 1024 / (count_ + 1);
    // Adjacent results read adjacent elements: whole rows are added. Otherwise each result walks
    // its own elements.
    const bool columns = kept_.inner_stride(0) == 1 && kept_.inner_extent() > 1 &&
                         (reduced_.inner_stride(0) != 1 || count_ <= 1);
    parallel_ranges(parallel, results, columns && grain < kColumns ? kColumns : grain,
                    [&](int64_t begin, int64_t end, uint32_t) {
                      kept_.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
                        const int64_t width = columns ? kColumns : 1;
                        for (int64_t i = 0; i < n; i += width) {
                          const int64_t w = n - i < width ? n - i : width;
                          reduce_columns(offsets[0] + i * kept_.inner_stride(0),
                                         offsets[1] + i * kept_.inner_stride(1), w);
                        }
                      });
                    });
  }

 private:
  /// Accumulates `width` adjacent results.
  void pass(Accumulate what, int64_t x_offset, int64_t width, A* acc, const A* shift) const {
    for (int64_t i = 0; i < width; ++i) acc[i] = identity<A>(what);
    C buffer[kBlock];
    reduced_.for_range(0, count_, [&](const int64_t* offset, int64_t n) {
      const int64_t stride = reduced_.inner_stride(0);
      const int64_t from = x_offset + offset[0];
      if (width == 1) {
        for (int64_t at = 0; at < n; at += kBlock) {
          const int64_t m = n - at < kBlock ? n - at : kBlock;
          accumulate_run(what, block_of(x_.dtype, x_.data, from + at * stride, stride, m, buffer),
                         m, acc, shift);
        }
      } else {
        for (int64_t at = 0; at < n; ++at) {
          const C* row =
              block_of(x_.dtype, x_.data, from + at * stride, kept_.inner_stride(0), width, buffer);
          accumulate(what, row, width, acc, 1, shift);
        }
      }
    });
  }

  void reduce_columns(int64_t x_offset, int64_t y_offset, int64_t width) const {
    A acc[kColumns];
    A shift[kColumns];
    for (int64_t i = 0; i < width; ++i) shift[i] = A{0};
    if (p_.op == ReduceOp::kLogSumExp) {
      if constexpr (std::is_floating_point_v<A>) {
        pass(Accumulate::kMax, x_offset, width, shift, nullptr);
        // Subtracting infinity from itself would make NaN of a well-defined result.
        for (int64_t i = 0; i < width; ++i)
          if (std::isinf(shift[i])) shift[i] = A{0};
      }
    }
    pass(accumulation(p_.op), x_offset, width, acc, shift);
    for (int64_t i = 0; i < width; ++i) acc[i] = finish(p_.op, acc[i], shift[i], count_);
    store_block(y_.dtype, y_.data, y_offset, kept_.inner_stride(1), width, acc);
  }

  const TensorView& x_;
  const TensorView& y_;
  const ReduceParams& p_;
  StridedLoop<2> kept_;
  StridedLoop<1> reduced_;
  int64_t count_ = 0;
};

}  // namespace

Status check_reduce(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<ReduceParams>(args));
  const auto& p = params_of<ReduceParams>(args);
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (p.op > ReduceOp::kSumSquare)
    return corrupt("unknown reduction", static_cast<int64_t>(p.op), 0);
  if (p.keep_dims > 1) return corrupt("keep_dims must be 0 or 1", p.keep_dims, 1);
  if (p.axes >> x.rank != 0) return corrupt("reduced axis is outside the tensor", p.axes, x.rank);
  int out_axis = 0;
  for (int i = 0; i < x.rank; ++i) {
    if (reduces(p, i) && p.keep_dims == 0) continue;
    const int64_t expected = reduces(p, i) ? 1 : x.shape[i];
    if (out_axis >= y.rank || y.shape[out_axis] != expected)
      return corrupt("output of a reduction has the wrong shape",
                     out_axis < y.rank ? y.shape[out_axis] : y.rank, expected);
    ++out_axis;
  }
  if (out_axis != y.rank)
    return corrupt("output of a reduction has the wrong rank", y.rank, out_axis);
  return ok_status();
}

void run_reduce(const StepArgs& args) {
  if (args.outputs[0].elements() == 0) return;
  const auto& p = params_of<ReduceParams>(args);
  const ComputeType type = compute_type(args.inputs[0].dtype);
  with_type(type, [&](auto zero) {
    using C = decltype(zero);
    if constexpr (std::is_floating_point_v<C>) {
      Reduction<C, double>(args).run(args.parallel);
    } else if (needs_floating(p.op)) {
      Reduction<double, double>(args).run(args.parallel);
    } else {
      Reduction<C, C>(args).run(args.parallel);
    }
  });
}

}  // namespace stint::cpu
