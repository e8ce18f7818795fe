#include <cmath>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/norm_check.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/norm.h"

namespace stint::cpu {
namespace {

/// Channels normalised side by side when they are adjacent in memory.
constexpr int64_t kColumns = 64;

/// C: type elements are computed in.
template <typename C>
class InstanceNorm {
 public:
  explicit InstanceNorm(const StepArgs& args)
      : args_(args), p_(params_of<InstanceNormParams>(args)) {
    for (int i = 1; i < x_.rank; ++i)
      if (i != p_.channel_axis) spatial_.add_axis(x_.shape[i], {x_.strides[i], y_.strides[i]});
    spatial_.collapse();
    count_ = spatial_.elements();
  }

  void run() const {
    const int64_t channels = x_.shape[p_.channel_axis];
    const int64_t width = x_.strides[p_.channel_axis] == 1 && channels > 1 ? kColumns : 1;
    const int64_t blocks = (channels + width - 1) / width;
    parallel_ranges(
        args_.parallel, x_.shape[0] * blocks, 1, [&](int64_t begin, int64_t end, uint32_t) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t first = i % blocks * width;
            normalize(i / blocks, first, channels - first < width ? channels - first : width);
          }
        });
  }

 private:
  /// Calls f(x block, y offset, n, y stride, first column) over all elements of `width` adjacent
  /// channels.
  template <typename F>
  void each_block(int64_t x_offset, int64_t y_offset, int64_t width, F f) const {
    C buffer[kBlock];
    const int64_t x_column = x_.strides[p_.channel_axis];
    const int64_t y_column = y_.strides[p_.channel_axis];
    spatial_.for_range(0, count_, [&](const int64_t* offsets, int64_t n) {
      const int64_t x_step = spatial_.inner_stride(0);
      const int64_t y_step = spatial_.inner_stride(1);
      const int64_t from = x_offset + offsets[0];
      const int64_t to = y_offset + offsets[1];
      if (width == 1) {
        for (int64_t at = 0; at < n; at += kBlock) {
          const int64_t m = n - at < kBlock ? n - at : kBlock;
          f(block_of(x_.dtype, x_.data, from + at * x_step, x_step, m, buffer), to + at * y_step, m,
            y_step, 0);
        }
      } else {
        for (int64_t at = 0; at < n; ++at)
          f(block_of(x_.dtype, x_.data, from + at * x_step, x_column, width, buffer),
            to + at * y_step, width, y_column, 1);
      }
    });
  }

  void normalize(int64_t n, int64_t channel, int64_t width) const {
    const int axis = p_.channel_axis;
    const int64_t x_offset = n * x_.strides[0] + channel * x_.strides[axis];
    const int64_t y_offset = n * y_.strides[0] + channel * y_.strides[axis];
    double mean[kColumns] = {};
    double variance[kColumns] = {};
    each_block(x_offset, y_offset, width,
               [&](const C* x, int64_t, int64_t m, int64_t, int64_t step) {
                 for (int64_t i = 0; i < m; ++i) mean[i * step] += static_cast<double>(x[i]);
               });
    for (int64_t i = 0; i < width; ++i) mean[i] /= static_cast<double>(count_);
    each_block(x_offset, y_offset, width,
               [&](const C* x, int64_t, int64_t m, int64_t, int64_t step) {
                 for (int64_t i = 0; i < m; ++i) {
                   const double d = static_cast<double>(x[i]) - mean[i * step];
                   variance[i * step] += d * d;
                 }
               });
    double factor[kColumns];
    double term[kColumns];
    const TensorView& scale = args_.inputs[1];
    const TensorView& bias = args_.inputs[2];
    load_block(scale.dtype, scale.data, channel * scale.strides[0], scale.strides[0], width,
               factor);
    load_block(bias.dtype, bias.data, channel * bias.strides[0], bias.strides[0], width, term);
    for (int64_t i = 0; i < width; ++i)
      factor[i] /=
          std::sqrt(variance[i] / static_cast<double>(count_) + static_cast<double>(p_.epsilon));
    C result[kBlock];
    each_block(x_offset, y_offset, width,
               [&](const C* x, int64_t to, int64_t m, int64_t y_step, int64_t step) {
                 for (int64_t i = 0; i < m; ++i) {
                   const int64_t c = i * step;
                   result[i] =
                       static_cast<C>((static_cast<double>(x[i]) - mean[c]) * factor[c] + term[c]);
                 }
                 store_block(y_.dtype, y_.data, to, y_step, m, result);
               });
  }

  const StepArgs& args_;
  const TensorView& x_ = args_.inputs[0];
  const TensorView& y_ = args_.outputs[0];
  const InstanceNormParams& p_;
  StridedLoop<2> spatial_;
  int64_t count_ = 0;
};

}  // namespace

Status check_instance_norm(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<InstanceNormParams>(args));
  const auto& p = params_of<InstanceNormParams>(args);
  STINT_RETURN_IF_ERROR(check_operands(args, 3, 3, 1));
  const TensorView& x = args.inputs[0];
  STINT_RETURN_IF_ERROR(check_axis(p.channel_axis, x));
  if (p.channel_axis == 0) return corrupt("axis 0 is the batch, not the channels", 0, 1);
  STINT_RETURN_IF_ERROR(check_same_shape(x, args.outputs[0]));
  STINT_RETURN_IF_ERROR(check_floating(x));
  STINT_RETURN_IF_ERROR(check_floating(args.outputs[0]));
  STINT_RETURN_IF_ERROR(check_per_channel(args.inputs[1], x.shape[p.channel_axis]));
  return check_per_channel(args.inputs[2], x.shape[p.channel_axis]);
}

void run_instance_norm(const StepArgs& args) {
  const TensorView& x = args.inputs[0];
  if (x.elements() == 0) return;
  if (x.dtype == DType::kF64) return InstanceNorm<double>(args).run();
  InstanceNorm<float>(args).run();
}

}  // namespace stint::cpu
