// Local response normalisation across channels. f32 with dense channels and the usual small window
// is vectorised.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/lrn.cc"
#include "kernels/cpu/simd_dispatch.h"

#include <cmath>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/norm_check.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/norm.h"

#ifndef STINT_LRN_WINDOW
#define STINT_LRN_WINDOW
namespace stint::cpu {
constexpr int64_t kLrnWindow = 32;  // AlexNet and GoogLeNet use 5
}
#endif

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

/// One line of dense channels with exponent 0.75. The window is at most kLrnWindow wide.
void lrn_line_run(const LrnParams& p, const float* x, float* y, int64_t channels) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<float>()));
  constexpr int64_t kChunk = 256;
  const int64_t before = (p.size - 1) / 2;
  const auto bias = hn::Set(d, p.bias);
  const auto factor = hn::Set(d, p.alpha / static_cast<float>(p.size));
  // squares[k] belongs to channel first - before + k; outside the line they are 0.
  HWY_ALIGN float squares[kChunk + kLrnWindow + kLanes];
  HWY_ALIGN float tail[kLanes];
  for (int64_t first = 0; first < channels; first += kChunk) {
    const int64_t n = channels - first < kChunk ? channels - first : kChunk;
    const int64_t count = n + p.size - 1;
    for (int64_t k = 0; k < count + kLanes; ++k) {
      const int64_t c = first - before + k;
      const float v = c >= 0 && c < channels ? x[c] : 0.0f;
      squares[k] = v * v;
    }
    for (int64_t i = 0; i < n; i += kLanes) {
      auto sum = hn::LoadU(d, squares + i);
      for (int64_t k = 1; k < p.size; ++k) sum = hn::Add(sum, hn::LoadU(d, squares + i + k));
      const auto base = hn::MulAdd(factor, sum, bias);
      const auto root = hn::Sqrt(base);
      const auto power = hn::Mul(root, hn::Sqrt(root));
      if (n - i >= kLanes) {
        hn::StoreU(hn::Div(hn::LoadU(d, x + first + i), power), d, y + first + i);
      } else {
        for (int64_t k = 0; k < kLanes; ++k) tail[k] = i + k < n ? x[first + i + k] : 0.0f;
        hn::Store(hn::Div(hn::Load(d, tail), power), d, tail);
        for (int64_t k = 0; i + k < n; ++k) y[first + i + k] = tail[k];
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {
namespace {

/// x ^ -beta. The usual 0.75 needs no logarithm.
double inverse_power(double x, double beta) {
  if (beta == 0.75) {
    const double root = std::sqrt(x);
    return 1.0 / (root * std::sqrt(root));
  }
  return std::pow(x, -beta);
}

/// C: type elements are computed in. One line of channels.
template <typename C>
void normalize_line(const StepArgs& args, int64_t x_offset, int64_t y_offset) {
  const auto& p = params_of<LrnParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  const int64_t channels = x.shape[p.channel_axis];
  const int64_t x_step = x.strides[p.channel_axis];
  const int64_t y_step = y.strides[p.channel_axis];
  const int64_t before = (p.size - 1) / 2;
  const int64_t after = p.size - 1 - before;
  const double factor = static_cast<double>(p.alpha) / static_cast<double>(p.size);
  C buffer[kBlock];
  C result[kBlock];
  for (int64_t first = 0; first < channels; first += kBlock) {
    const int64_t n = channels - first < kBlock ? channels - first : kBlock;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t c = first + i;
      const int64_t low = c > before ? c - before : 0;
      const int64_t high = after < channels - 1 - c ? c + after + 1 : channels;
      double squares = 0;
      for (int64_t at = low; at < high; at += kBlock) {
        const int64_t m = high - at < kBlock ? high - at : kBlock;
        const C* window = block_of(x.dtype, x.data, x_offset + at * x_step, x_step, m, buffer);
        for (int64_t k = 0; k < m; ++k)
          squares += static_cast<double>(window[k]) * static_cast<double>(window[k]);
      }
      const C* own = block_of(x.dtype, x.data, x_offset + c * x_step, 1, 1, buffer);
      result[i] = static_cast<C>(static_cast<double>(*own) *
                                 inverse_power(static_cast<double>(p.bias) + factor * squares,
                                               static_cast<double>(p.beta)));
    }
    store_block(y.dtype, y.data, y_offset + first * y_step, y_step, n, result);
  }
}

}  // namespace

Status check_lrn(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<LrnParams>(args));
  const auto& p = params_of<LrnParams>(args);
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  const TensorView& x = args.inputs[0];
  STINT_RETURN_IF_ERROR(check_axis(p.channel_axis, x));
  STINT_RETURN_IF_ERROR(check_floating(x));
  STINT_RETURN_IF_ERROR(check_floating(args.outputs[0]));
  if (p.size < 1)
    return corrupt("local response normalisation needs a window of at least one channel", p.size,
                   1);
  return check_same_shape(x, args.outputs[0]);
}

void run_lrn(const StepArgs& args) {
  const auto& p = params_of<LrnParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (x.elements() == 0) return;
  StridedLoop<2> lines;
  for (int i = 0; i < x.rank; ++i)
    if (i != p.channel_axis) lines.add_axis(x.shape[i], {x.strides[i], y.strides[i]});
  lines.collapse();
  const bool wide = x.dtype == DType::kF64;
  const bool fast = x.dtype == DType::kF32 && y.dtype == DType::kF32 && p.beta == 0.75f &&
                    p.size <= kLrnWindow && x.strides[p.channel_axis] == 1 &&
                    y.strides[p.channel_axis] == 1;
  const auto line = STINT_SIMD(lrn_line_run);
  parallel_ranges(args.parallel, lines.elements(), 16, [&](int64_t begin, int64_t end, uint32_t) {
    lines.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        const int64_t from = offsets[0] + i * lines.inner_stride(0);
        const int64_t to = offsets[1] + i * lines.inner_stride(1);
        if (fast) {
          line(p, x.as<float>() + from, y.as<float>() + to, x.shape[p.channel_axis]);
        } else if (wide) {
          normalize_line<double>(args, from, to);
        } else {
          normalize_line<float>(args, from, to);
        }
      }
    });
  });
}

}  // namespace stint::cpu
#endif
