// Sums or products of all elements up to each one along an axis. Floats are added up in double,
// integers modulo 2^64, which all narrower ones agree with.
#include <type_traits>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/norm_check.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/reduce.h"

namespace stint::cpu {
namespace {

constexpr int64_t kColumns = 64;  // lines done side by side

template <bool kProduct, typename C>
class Cumulation {
 public:
  explicit Cumulation(const StepArgs& args)
      : p_(params_of<CumulativeParams>(args)),
        x_(args.inputs[0]),
        y_(args.outputs[0]),
        length_(x_.shape[p_.axis]),
        x_step_(x_.strides[p_.axis]),
        y_step_(y_.strides[p_.axis]) {
    for (int i = 0; i < x_.rank; ++i)
      if (i != p_.axis) lines_.add_axis(x_.shape[i], {x_.strides[i], y_.strides[i]});
    lines_.collapse();
  }

  void run(const Parallel& parallel) const {
    // Along the axis where that is where memory is dense, else over adjacent lines.
    const int64_t most = x_step_ == 1 && y_step_ == 1 ? 1 : kColumns;
    parallel_ranges(parallel, lines_.elements(), 1 + 16 * 1024 / length_,
                    [&](int64_t begin, int64_t end, uint32_t) {
                      lines_.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
                        for (int64_t i = 0; i < n; i += most) {
                          const int64_t width = n - i < most ? n - i : most;
                          const int64_t from = offsets[0] + i * lines_.inner_stride(0);
                          const int64_t to = offsets[1] + i * lines_.inner_stride(1);
                          if (width == 1)
                            line(from, to);
                          else
                            columns(from, to, width);
                        }
                      });
                    });
  }

 private:
  static constexpr C kStart = kProduct ? 1 : 0;

  /// What is written for `x`; `total` goes on with it.
  C next(C x, C& total) const {
    const C before = total;
    total = kProduct ? total * x : total + x;
    return p_.exclusive != 0 ? before : total;
  }

  // Elements are read before results are written in their place: y may be x.

  void line(int64_t from, int64_t to) const {
    C block[kBlock];
    C total = kStart;
    for (int64_t done = 0; done < length_; done += kBlock) {
      const int64_t n = length_ - done < kBlock ? length_ - done : kBlock;
      const int64_t at = p_.reverse != 0 ? length_ - done - n : done;
      load_block(x_.dtype, x_.data, from + at * x_step_, x_step_, n, block);
      if (p_.reverse != 0)
        for (int64_t i = n - 1; i >= 0; --i) block[i] = next(block[i], total);
      else
        for (int64_t i = 0; i < n; ++i) block[i] = next(block[i], total);
      store_block(y_.dtype, y_.data, to + at * y_step_, y_step_, n, block);
    }
  }

  void columns(int64_t from, int64_t to, int64_t width) const {
    C row[kColumns];
    C total[kColumns];
    for (int64_t i = 0; i < width; ++i) total[i] = kStart;
    for (int64_t k = 0; k < length_; ++k) {
      const int64_t at = p_.reverse != 0 ? length_ - 1 - k : k;
      load_block(x_.dtype, x_.data, from + at * x_step_, lines_.inner_stride(0), width, row);
      for (int64_t i = 0; i < width; ++i) row[i] = next(row[i], total[i]);
      store_block(y_.dtype, y_.data, to + at * y_step_, lines_.inner_stride(1), width, row);
    }
  }

  const CumulativeParams& p_;
  const TensorView& x_;
  const TensorView& y_;
  StridedLoop<2> lines_;
  int64_t length_, x_step_, y_step_;
};

}  // namespace

Status check_cumulative(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<CumulativeParams>(args));
  const auto& p = params_of<CumulativeParams>(args);
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_axis(p.axis, x));
  if ((p.product | p.exclusive | p.reverse) > 1)
    return corrupt("product, exclusive and reverse must be 0 or 1",
                   p.product | p.exclusive | p.reverse, 1);
  if (is_float(x.dtype))
    STINT_RETURN_IF_ERROR(check_floating(y));
  else
    STINT_RETURN_IF_ERROR(check_dtype(y, x.dtype));
  return check_same_shape(x, y);
}

void run_cumulative(const StepArgs& args) {
  if (args.inputs[0].elements() == 0) return;
  const bool product = params_of<CumulativeParams>(args).product != 0;
  const auto run = [&](auto zero) {
    using C = decltype(zero);
    if (product)
      Cumulation<true, C>(args).run(args.parallel);
    else
      Cumulation<false, C>(args).run(args.parallel);
  };
  if (is_float(args.inputs[0].dtype))
    run(double{});
  else
    run(uint64_t{});
}

}  // namespace stint::cpu
