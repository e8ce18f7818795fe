// Conversion among f32, u8 and i8: quantise, dequantise, change the scale.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/quantized/requantize.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/quantized/quantized_lanes-inl.h"
#include "kernels/cpu/strided_loop.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {

/// n elements, those of x and y `x_stride` and `y_stride` apart.
template <typename X, typename Y>
HWY_INLINE void convert_run(const RealLoader<X>& loader, const RealStorer<Y>& storer, const X* x,
                            int64_t x_stride, Y* y, int64_t y_stride, int64_t n) {
  constexpr int64_t kLanes = RealLoader<X>::kLanes;
  int64_t i = 0;
  if (x_stride == 1 && y_stride == 1) {
    for (; i + kLanes <= n; i += kLanes) storer.store(loader.load(x + i), y + i);
    if (i < n) storer.store(loader.load(x + i, n - i), y + i, n - i);
    return;
  }
  HWY_ALIGN X from[kLanes] = {};
  HWY_ALIGN Y to[kLanes];
  for (; i < n; i += kLanes) {
    const int64_t lanes = n - i < kLanes ? n - i : kLanes;
    for (int64_t k = 0; k < lanes; ++k) from[k] = x[(i + k) * x_stride];
    storer.store(loader.load(from), to);
    for (int64_t k = 0; k < lanes; ++k) y[(i + k) * y_stride] = to[k];
  }
}

template <typename X, typename Y>
void convert(const StepArgs& args) {
  const RequantizeParams& p = params_of<RequantizeParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  StridedLoop<2> loop;
  for (int i = 0; i < y.rank; ++i) loop.add_axis(y.shape[i], {x.strides[i], y.strides[i]});
  loop.collapse();
  const RealLoader<X> loader(p.x.scale * (1.0f / p.y.scale), p.x.zero_point);
  const RealStorer<Y> storer(p.y.zero_point);
  parallel_ranges(args.parallel, loop.elements(), 16384, [&](int64_t begin, int64_t end, uint32_t) {
    loop.for_range(begin, end, [&](const int64_t* offsets, int64_t n) {
      convert_run(loader, storer, x.as<X>() + offsets[0], loop.inner_stride(0),
                  y.as<Y>() + offsets[1], loop.inner_stride(1), n);
    });
  });
}

}  // namespace

void requantize_run(const StepArgs& args) {
  with_stored_type(args.inputs[0].dtype, [&](auto x) {
    with_stored_type(args.outputs[0].dtype,
                     [&](auto y) { convert<decltype(x), decltype(y)>(args); });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {

Status check_requantize(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<RequantizeParams>(args));
  const RequantizeParams& p = params_of<RequantizeParams>(args);
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  STINT_RETURN_IF_ERROR(check_same_shape(args.inputs[0], args.outputs[0]));
  STINT_RETURN_IF_ERROR(check_quantized(args.inputs[0], p.x));
  STINT_RETURN_IF_ERROR(check_quantized(args.outputs[0], p.y));
  return check_scale_ratio(p.x, p.y);
}

void run_requantize(const StepArgs& args) {
  if (args.inputs[0].elements() == 0) return;
  STINT_SIMD(requantize_run)(args);
}

}  // namespace stint::cpu
#endif
