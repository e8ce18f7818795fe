// Convolution and transposed convolution straight from the definition, for 1 to 3 spatial axes, any
// groups, weights in the model's own order (convolution O, I/g, k...; transposed I, O/g, k...).
// Slow; takes whatever the fast kernels do not.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_direct.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include "kernels/cpu/conv_check.h"
#include "kernels/cpu/epilogue-inl.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/strided_loop.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {

/// A 1-D or 2-D problem with unit axes in front, so that every loop nest has three.
struct DirectShape {
  explicit DirectShape(const StepArgs& args)
      : p(params_of<ConvParams>(args)), x(args.inputs[0]), w(args.inputs[1]), y(args.outputs[0]) {
    residual = epilogue_operands(args, p.epilogue, 2).residual;
    for (int i = 0; i < kMaxSpatial; ++i) {
      const int axis = i - (kMaxSpatial - p.spatial_rank);  // of the parameters
      const bool real = axis >= 0;
      kernel[i] = real ? p.kernel[axis] : 1;
      stride[i] = real ? p.stride[axis] : 1;
      dilation[i] = real ? p.dilation[axis] : 1;
      pad[i] = real ? p.pad_begin[axis] : 0;
      in[i] = real ? x.shape[axis + 1] : 1;
      out[i] = real ? y.shape[axis + 1] : 1;
      in_stride[i] = real ? x.strides[axis + 1] : 0;
      out_stride[i] = real ? y.strides[axis + 1] : 0;
      residual_stride[i] = real && residual != nullptr ? residual->strides[axis + 1] : 0;
      w_stride[i] = real ? w.strides[axis + 2] : 0;
    }
    group_in = x.shape[x.rank - 1] / p.groups;
    group_out = y.shape[y.rank - 1] / p.groups;
  }
  const ConvParams& p;
  const TensorView& x;
  const TensorView& w;
  const TensorView& y;
  const TensorView* residual;
  int64_t kernel[3], stride[3], dilation[3], pad[3], in[3], out[3];
  int64_t in_stride[3], out_stride[3], residual_stride[3], w_stride[3];
  int64_t group_in, group_out;
};

/// Input position that kernel position `k` of output position `o` reads along an axis; false: none.
template <bool kTransposed>
HWY_INLINE bool source(const DirectShape& s, int axis, int64_t o, int64_t k, int64_t* i) {
  if (kTransposed) {
    const int64_t at = o + s.pad[axis] - k * s.dilation[axis];
    *i = at / s.stride[axis];
    return at >= 0 && at % s.stride[axis] == 0 && *i < s.in[axis];
  }
  *i = o * s.stride[axis] - s.pad[axis] + k * s.dilation[axis];
  return *i >= 0 && *i < s.in[axis];
}

constexpr int64_t kChannelBlock = 64;

template <bool kTransposed>
void direct_pixel(const DirectShape& s, const Epilogue& e, int64_t pixel) {
  int64_t o[3];
  int64_t n = pixel;
  for (int i = 2; i >= 0; --i) {
    o[i] = n % s.out[i];
    n /= s.out[i];
  }
  const float* x = s.x.as<float>() + n * s.x.strides[0];
  float* y = s.y.as<float>() + n * s.y.strides[0];
  const float* residual =
      s.residual != nullptr ? s.residual->as<float>() + n * s.residual->strides[0] : nullptr;
  for (int i = 0; i < 3; ++i) {
    y += o[i] * s.out_stride[i];
    if (residual != nullptr) residual += o[i] * s.residual_stride[i];
  }
  const int64_t w_in = kTransposed ? s.w.strides[0] : s.w.strides[1];
  const int64_t w_out = kTransposed ? s.w.strides[1] : s.w.strides[0];
  const int64_t channels = s.group_out * s.p.groups;
  // Through a buffer: the residual may be the output's own memory.
  float sums[kChannelBlock];
  for (int64_t first = 0; first < channels; first += kChannelBlock) {
    const int64_t count = channels - first < kChannelBlock ? channels - first : kChannelBlock;
    for (int64_t k = 0; k < count; ++k) sums[k] = 0.0f;
    int64_t i0, i1, i2;
    for (int64_t k0 = 0; k0 < s.kernel[0]; ++k0) {
      if (!source<kTransposed>(s, 0, o[0], k0, &i0)) continue;
      for (int64_t k1 = 0; k1 < s.kernel[1]; ++k1) {
        if (!source<kTransposed>(s, 1, o[1], k1, &i1)) continue;
        for (int64_t k2 = 0; k2 < s.kernel[2]; ++k2) {
          if (!source<kTransposed>(s, 2, o[2], k2, &i2)) continue;
          const float* from = x + i0 * s.in_stride[0] + i1 * s.in_stride[1] + i2 * s.in_stride[2];
          const float* tap =
              s.w.as<float>() + k0 * s.w_stride[0] + k1 * s.w_stride[1] + k2 * s.w_stride[2];
          for (int64_t c = 0; c < count; ++c) {
            const int64_t group = (first + c) / s.group_out;
            const int64_t own = kTransposed ? (first + c) % s.group_out : first + c;
            const float* weights =
                tap + own * w_out + (kTransposed ? group * s.group_in * w_in : 0);
            const float* input = from + group * s.group_in;
            float sum = 0.0f;
            for (int64_t i = 0; i < s.group_in; ++i) sum += input[i] * weights[i * w_in];
            sums[c] += sum;
          }
        }
      }
    }
    epilogue_run(e, e.bias != nullptr ? e.bias + first : nullptr,
                 residual != nullptr ? residual + first : nullptr, sums, count);
    for (int64_t k = 0; k < count; ++k) y[first + k] = sums[k];
  }
}

template <bool kTransposed>
void direct_run(const StepArgs& args) {
  const DirectShape s(args);
  if (s.y.elements() == 0) return;
  const Epilogue epilogue = resolve_epilogue(args, s.p.epilogue, 2);
  const int64_t pixels = s.y.elements() / (s.group_out * s.p.groups);
  const int64_t work = s.group_out * s.p.groups * s.group_in * s.kernel[0] * s.kernel[1];
  const int64_t grain = work > 100000 ? 1 : 100000 / (work + 1) + 1;
  parallel_ranges(args.parallel, pixels, grain, [&](int64_t begin, int64_t end, uint32_t) {
    for (int64_t i = begin; i < end; ++i) direct_pixel<kTransposed>(s, epilogue, i);
  });
}

}  // namespace

void conv_direct_run(const StepArgs& args) { direct_run<false>(args); }
void conv_transpose_direct_run(const StepArgs& args) { direct_run<true>(args); }

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {
namespace {

Status check_direct(const StepArgs& args, bool transposed) {
  STINT_RETURN_IF_ERROR(check_conv(args));
  const ConvParams& p = params_of<ConvParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& w = args.inputs[1];
  const TensorView& y = args.outputs[0];
  if (w.rank != p.spatial_rank + 2)
    return corrupt("weights do not have the spatial axes of the step", w.rank, p.spatial_rank + 2);
  const int64_t in = x.shape[x.rank - 1];
  const int64_t out = y.shape[y.rank - 1];
  const int64_t needed[2] = {transposed ? in : out, (transposed ? out : in) / p.groups};
  for (int i = 0; i < 2; ++i)
    if (w.shape[i] != needed[i])
      return corrupt("weights do not fit the channels", w.shape[i], needed[i]);
  for (int i = 0; i < p.spatial_rank; ++i)
    if (w.shape[i + 2] != p.kernel[i])
      return corrupt("weights do not fit the kernel extents", w.shape[i + 2], p.kernel[i]);
  return ok_status();
}

}  // namespace

Status check_conv_direct(const StepArgs& args) { return check_direct(args, false); }
void run_conv_direct(const StepArgs& args) { STINT_SIMD(conv_direct_run)(args); }

Status check_conv_transpose_direct(const StepArgs& args) { return check_direct(args, true); }
void run_conv_transpose_direct(const StepArgs& args) {
  STINT_SIMD(conv_transpose_direct_run)(args);
}

}  // namespace stint::cpu
#endif
