// Index of the largest or smallest element along one axis. The first NaN wins over every number.
#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/reduce.h"

namespace stint::cpu {
namespace {

constexpr int64_t kColumns = 64;  // results searched side by side
/// A line up to this long costs more in mispredicted branches than in strided loads.
constexpr int64_t kShort = 64;

/// x takes the place of the best one so far. Exact for numbers; the first NaN stays.
template <bool kMax, bool kLast, typename C>
bool beats(C x, C best) {
  if (kMax ? x > best : x < best) return true;
  return (kLast && x == best) || (x != x && best == best);
}

/// Replaces (best, index) of `width` results where x is better.
template <bool kMax, bool kLast, typename C>
void keep_better(const C* x, int64_t width, int32_t at, C* best, int32_t* index) {
  for (int64_t i = 0; i < width; ++i) {
    const bool better = beats<kMax, kLast>(x[i], best[i]);
    best[i] = better ? x[i] : best[i];
    index[i] = better ? at : index[i];
  }
}

/// The best of x[0..n), which lie one after the other at `at`, against the best before them.
template <bool kMax, bool kLast, typename C>
void keep_best(const C* x, int64_t n, int64_t at, C* best, int32_t* index) {
  C value = *best;
  int32_t where = *index;
  for (int64_t i = 0; i < n; ++i) {
    if (!beats<kMax, kLast>(x[i], value)) continue;
    value = x[i];
    where = static_cast<int32_t>(at + i);
  }
  *best = value;
  *index = where;
}

/// Lines of x, operand 0 of the loop, into y.
template <bool kMax, bool kLast, typename C>
void arg_reduce(const StepArgs& args, const StridedLoop<2>& loop) {
  const auto& p = params_of<ArgReduceParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  const int64_t length = x.shape[p.axis];
  const int64_t step = x.strides[p.axis];
  const int64_t x_stride = loop.inner_stride(0);
  const int64_t y_stride = loop.inner_stride(1);
  parallel_ranges(
      args.parallel, loop.elements(), 1 + 16 * 1024 / length,
      [&](int64_t begin, int64_t end, uint32_t) {
        C buffer[kBlock];
        C best[kColumns];
        int32_t
            index[kColumns];  // no wider than most elements, so that both are compared by one mask
        // Along the axis where that is where memory is dense and there is enough of it, else over
        // adjacent results.
        const int64_t most = step == 1 && length > kShort ? 1 : kColumns;
        loop.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
          for (int64_t i = 0; i < n; i += most) {
            const int64_t width = n - i < most ? n - i : most;
            const int64_t from = offsets[0] + i * x_stride;
            load_block(x.dtype, x.data, from, x_stride, width, best);
            for (int64_t k = 0; k < width; ++k) index[k] = 0;
            if (width == 1) {
              for (int64_t at = 1; at < length; at += kBlock) {
                const int64_t m = length - at < kBlock ? length - at : kBlock;
                keep_best<kMax, kLast>(block_of(x.dtype, x.data, from + at * step, step, m, buffer),
                                       m, at, best, index);
              }
            } else {
              for (int64_t at = 1; at < length; ++at)
                keep_better<kMax, kLast>(
                    block_of(x.dtype, x.data, from + at * step, x_stride, width, buffer), width,
                    static_cast<int32_t>(at), best, index);
            }
            int64_t result[kColumns];
            for (int64_t k = 0; k < width; ++k) result[k] = index[k];
            store_block(y.dtype, y.data, offsets[1] + i * y_stride, y_stride, width, result);
          }
        });
      });
}

}  // namespace

Status check_arg_reduce(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<ArgReduceParams>(args));
  const auto& p = params_of<ArgReduceParams>(args);
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_axis(p.axis, x));
  if (y.dtype != DType::kI64 && y.dtype != DType::kI32)
    return corrupt("indices must be i32 or i64", static_cast<int64_t>(y.dtype),
                   static_cast<int64_t>(DType::kI64));
  if (y.rank != x.rank - (p.keep_dims != 0 ? 0 : 1))
    return corrupt("output of an arg-reduction has the wrong rank", y.rank, x.rank);
  int out = 0;
  for (int i = 0; i < x.rank; ++i) {
    if (i == p.axis && p.keep_dims == 0) continue;
    const int64_t expected = i == p.axis ? 1 : x.shape[i];
    if (y.shape[out] != expected)
      return corrupt("output of an arg-reduction has the wrong shape", y.shape[out], expected);
    ++out;
  }
  if (x.shape[p.axis] > INT32_MAX)
    return corrupt("arg-reduction over too long an axis", x.shape[p.axis], INT32_MAX);
  if (x.shape[p.axis] == 0 && y.elements() != 0)
    return corrupt("arg-reduction over an empty axis", 0, 1);
  return ok_status();
}

void run_arg_reduce(const StepArgs& args) {
  const auto& p = params_of<ArgReduceParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (y.elements() == 0) return;
  StridedLoop<2> loop;
  int out = 0;
  for (int i = 0; i < x.rank; ++i) {
    if (i == p.axis) {
      out += p.keep_dims != 0 ? 1 : 0;
    } else {
      loop.add_axis(x.shape[i], {x.strides[i], y.strides[out++]});
    }
  }
  loop.collapse();
  with_type(compute_type(x.dtype), [&](auto zero) {
    using C = decltype(zero);
    if (p.is_max != 0) {
      p.select_last != 0 ? arg_reduce<true, true, C>(args, loop)
                         : arg_reduce<true, false, C>(args, loop);
    } else {
      p.select_last != 0 ? arg_reduce<false, true, C>(args, loop)
                         : arg_reduce<false, false, C>(args, loop);
    }
  });
}

}  // namespace stint::cpu
