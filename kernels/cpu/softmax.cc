// Softmax and log-softmax along any axis. f32 is vectorised along the axis where it is dense,
// across adjacent lines elsewhere; every other type goes through double.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/softmax.cc"
#include "kernels/cpu/simd_dispatch.h"

#include <cmath>
#include <limits>

#include "kernels/cpu/check_helpers.h"
#include "kernels/cpu/element_blocks.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/norm_check.h"
#include "kernels/cpu/strided_loop.h"
#include "kernels/cpu/vector_math-inl.h"
#include "plan_schema/params/norm.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using V = hn::Vec<Tag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag()));
constexpr int64_t kShort = 16;   // up to here a line is too short for vectors along it
constexpr int64_t kGroup = 128;  // lines done side by side

// The maxima may lose a NaN: the sum of exponentials keeps it, and with it every element.

/// One dense line.
void softmax_line(const float* x, float* y, int64_t n, bool log) {
  const Tag d;
  V high = hn::Set(d, -std::numeric_limits<float>::infinity());
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) high = hn::Max(high, hn::LoadU(d, x + i));
  float top = hn::GetLane(hn::MaxOfLanes(d, high));
  for (; i < n; ++i) top = x[i] > top ? x[i] : top;
  const V shift = hn::Set(d, top);
  V sums = hn::Zero(d);
  HWY_ALIGN float tail[kLanes];
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const V e = vexp(d, hn::Sub(hn::LoadU(d, x + i), shift));
    sums = hn::Add(sums, e);
    if (!log) hn::StoreU(e, d, y + i);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  if (i < n) {
    for (int64_t k = 0; k < kLanes; ++k) tail[k] = i + k < n ? x[i + k] - top : 0.0f;
    hn::Store(vexp(d, hn::Load(d, tail)), d, tail);
    for (int64_t k = i; k < n; ++k) {
      sum += tail[k - i];
      if (!log) y[k] = tail[k - i];
    }
  }
  const float change = log ? top + std::log(sum) : 1.0f / sum;
  const V by = hn::Set(d, change);
  if (log) {
    for (i = 0; i + kLanes <= n; i += kLanes)
      hn::StoreU(hn::Sub(hn::LoadU(d, x + i), by), d, y + i);
    for (; i < n; ++i) y[i] = x[i] - change;
  } else {
    for (i = 0; i + kLanes <= n; i += kLanes)
      hn::StoreU(hn::Mul(hn::LoadU(d, y + i), by), d, y + i);
    for (; i < n; ++i) y[i] *= change;
  }
}

/// Lines side by side, already copied: element k of line c is tile[k * kGroup + c]. Works in place
/// on whole groups.
void softmax_tile(float* tile, int64_t length, bool log) {
  const Tag d;
  for (int64_t c = 0; c < kGroup; c += kLanes) {
    float* at = tile + c;
    V high = hn::LoadU(d, at);
    for (int64_t k = 1; k < length; ++k) high = hn::Max(high, hn::LoadU(d, at + k * kGroup));
    V sum = hn::Zero(d);
    for (int64_t k = 0; k < length; ++k) {
      const V shifted = hn::Sub(hn::LoadU(d, at + k * kGroup), high);
      const V e = vexp(d, shifted);
      sum = hn::Add(sum, e);
      hn::StoreU(log ? shifted : e, d, at + k * kGroup);
    }
    const V by = log ? vlog(d, sum) : hn::Div(hn::Set(d, 1.0f), sum);
    for (int64_t k = 0; k < length; ++k) {
      const V v = hn::LoadU(d, at + k * kGroup);
      hn::StoreU(log ? hn::Sub(v, by) : hn::Mul(v, by), d, at + k * kGroup);
    }
  }
}

/// Short lines of any strides, up to kGroup of them.
void softmax_short(const float* x, int64_t x_line, int64_t x_step, float* y, int64_t y_line,
                   int64_t y_step, int64_t lines, int64_t length, bool log) {
  HWY_ALIGN float tile[kShort * kGroup];
  for (int64_t k = 0; k < length; ++k) {
    for (int64_t c = 0; c < lines; ++c) tile[k * kGroup + c] = x[c * x_line + k * x_step];
    for (int64_t c = lines; c < kGroup; ++c) tile[k * kGroup + c] = 0.0f;
  }
  softmax_tile(tile, length, log);
  for (int64_t k = 0; k < length; ++k)
    for (int64_t c = 0; c < lines; ++c) y[c * y_line + k * y_step] = tile[k * kGroup + c];
}

/// Adjacent lines (stride 1 between them), a multiple of the vector's lanes.
void softmax_columns(const float* x, int64_t x_step, float* y, int64_t y_step, int64_t length,
                     bool log) {
  const Tag d;
  V high = hn::LoadU(d, x);
  for (int64_t k = 1; k < length; ++k) high = hn::Max(high, hn::LoadU(d, x + k * x_step));
  V sum = hn::Zero(d);
  for (int64_t k = 0; k < length; ++k) {
    const V shifted = hn::Sub(hn::LoadU(d, x + k * x_step), high);
    const V e = vexp(d, shifted);
    sum = hn::Add(sum, e);
    hn::StoreU(log ? shifted : e, d, y + k * y_step);
  }
  const V by = log ? vlog(d, sum) : hn::Div(hn::Set(d, 1.0f), sum);
  for (int64_t k = 0; k < length; ++k) {
    const V v = hn::LoadU(d, y + k * y_step);
    hn::StoreU(log ? hn::Sub(v, by) : hn::Mul(v, by), d, y + k * y_step);
  }
}

}  // namespace

/// f32 to f32. Lines with neither a dense axis nor enough dense neighbours are left to the caller
/// (false).
bool softmax_f32_run(const StepArgs& args, const StridedLoop<2>& lines, int64_t length,
                     int64_t x_step, int64_t y_step, bool log) {
  const float* x = args.inputs[0].as<float>();
  float* y = args.outputs[0].as<float>();
  const int64_t x_line = lines.inner_stride(0);
  const int64_t y_line = lines.inner_stride(1);
  const bool dense_axis = x_step == 1 && y_step == 1;
  const bool short_axis = length <= kShort;
  const bool columns = x_line == 1 && y_line == 1 && lines.inner_extent() >= kLanes;
  if (!short_axis && !dense_axis && !columns) return false;
  const int64_t grain = 1 + 8 * 1024 / length;
  parallel_ranges(
      args.parallel, lines.elements(), short_axis && grain < kGroup ? kGroup : grain,
      [&](int64_t begin, int64_t end, uint32_t) {
        lines.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
          const float* from = x + offsets[0];
          float* to = y + offsets[1];
          if (short_axis) {
            for (int64_t i = 0; i < n; i += kGroup)
              softmax_short(from + i * x_line, x_line, x_step, to + i * y_line, y_line, y_step,
                            n - i < kGroup ? n - i : kGroup, length, log);
          } else if (dense_axis) {
            for (int64_t i = 0; i < n; ++i)
              softmax_line(from + i * x_line, to + i * y_line, length, log);
          } else {
            int64_t i = 0;
            for (; i + kLanes <= n; i += kLanes)
              softmax_columns(from + i, x_step, to + i, y_step, length, log);
            for (; i < n; ++i) {
              float high = from[i];
              for (int64_t k = 1; k < length; ++k) {
                const float v = from[i + k * x_step];
                high = v > high ? v : high;
              }
              double sum = 0;
              for (int64_t k = 0; k < length; ++k)
                sum += static_cast<double>(std::exp(from[i + k * x_step] - high));
              for (int64_t k = 0; k < length; ++k) {
                const float shifted = from[i + k * x_step] - high;
                to[i + k * y_step] =
                    log ? shifted - static_cast<float>(std::log(sum))
                        : static_cast<float>(static_cast<double>(std::exp(shifted)) / sum);
              }
            }
          }
        });
      });
  return true;
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {
namespace {

/// Any type and stride, a line at a time.
void softmax_any(const StepArgs& args, const StridedLoop<2>& lines, int64_t length, int64_t x_step,
                 int64_t y_step, bool log) {
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  parallel_ranges(args.parallel, lines.elements(), 1 + 2048 / length,
                  [&](int64_t begin, int64_t end, uint32_t) {
                    double block[kBlock];
                    lines.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
                      for (int64_t line = 0; line < n; ++line) {
                        const int64_t from = offsets[0] + line * lines.inner_stride(0);
                        const int64_t to = offsets[1] + line * lines.inner_stride(1);
                        const auto each_block = [&](auto f) {
                          for (int64_t at = 0; at < length; at += kBlock) {
                            const int64_t m = length - at < kBlock ? length - at : kBlock;
                            load_block(x.dtype, x.data, from + at * x_step, x_step, m, block);
                            f(at, m);
                          }
                        };
                        double high = -std::numeric_limits<double>::infinity();
                        each_block([&](int64_t, int64_t m) {
                          for (int64_t i = 0; i < m; ++i) high = block[i] > high ? block[i] : high;
                        });
                        double sum = 0;
                        each_block([&](int64_t, int64_t m) {
                          for (int64_t i = 0; i < m; ++i) sum += std::exp(block[i] - high);
                        });
                        const double log_sum = std::log(sum);
                        each_block([&](int64_t at, int64_t m) {
                          for (int64_t i = 0; i < m; ++i)
                            block[i] =
                                log ? block[i] - high - log_sum : std::exp(block[i] - high) / sum;
                          store_block(y.dtype, y.data, to + at * y_step, y_step, m, block);
                        });
                      }
                    });
                  });
}

}  // namespace

Status check_softmax(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<SoftmaxParams>(args));
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  STINT_RETURN_IF_ERROR(check_axis(params_of<SoftmaxParams>(args).axis, args.inputs[0]));
  STINT_RETURN_IF_ERROR(check_floating(args.inputs[0]));
  STINT_RETURN_IF_ERROR(check_floating(args.outputs[0]));
  return check_same_shape(args.inputs[0], args.outputs[0]);
}

void run_softmax(const StepArgs& args) {
  const auto& p = params_of<SoftmaxParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (x.elements() == 0) return;
  StridedLoop<2> lines;
  for (int i = 0; i < x.rank; ++i)
    if (i != p.axis) lines.add_axis(x.shape[i], {x.strides[i], y.strides[i]});
  lines.collapse();
  const int64_t length = x.shape[p.axis];
  const int64_t x_step = x.strides[p.axis];
  const int64_t y_step = y.strides[p.axis];
  const bool log = p.log != 0;
  if (x.dtype == DType::kF32 && y.dtype == DType::kF32 &&
      STINT_SIMD(softmax_f32_run)(args, lines, length, x_step, y_step, log))
    return;
  softmax_any(args, lines, length, x_step, y_step, log);
}

}  // namespace stint::cpu
#endif
