// 2-D depthwise convolution: every channel has its own kernel. Weights: [kh * kw][panels][16],
// panels = ceil(C / 16), zero filled.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_depthwise.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include <cstring>

#include "kernels/cpu/conv_check.h"
#include "kernels/cpu/depthwise_taps.h"
#include "kernels/cpu/epilogue-inl.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/strided_loop.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<float>;
using V = hn::Vec<Tag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag()));

#define UNROLL_PIXELS _Pragma("GCC unroll 4")
#define UNROLL_VECTORS _Pragma("GCC unroll 2")

struct Tile {
  const float* const* inputs;  // [tap][kDepthwisePixels]
  const int64_t* offsets;      // [tap], of the weights
  int64_t taps;
  const float* weights;
  float* outputs[kDepthwisePixels];
  const float* residuals[kDepthwisePixels];
};

/// Full vectors of channels [c, c + kVectors * kLanes) of kPixels pixels.
template <int kPixels, int kVectors>
HWY_INLINE void depthwise_vectors(const Tile& t, const Epilogue& e, int64_t c) {
  const Tag d;
  V acc[kPixels][kVectors];
  UNROLL_PIXELS for (int m = 0; m < kPixels; ++m) {
    UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) {
      acc[m][v] = e.bias != nullptr ? hn::LoadU(d, e.bias + c + v * kLanes) : hn::Zero(d);
    }
  }
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const float* weights = t.weights + t.offsets[tap] + c;
    V w[kVectors];
    UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) w[v] = hn::LoadU(d, weights + v * kLanes);
    UNROLL_PIXELS for (int m = 0; m < kPixels; ++m) {
      const float* x = t.inputs[tap * kDepthwisePixels + m] + c;
      UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) {
        acc[m][v] = hn::MulAdd(hn::LoadU(d, x + v * kLanes), w[v], acc[m][v]);
      }
    }
  }
  const V low = hn::Set(d, e.low);
  const V high = hn::Set(d, e.high);
  const bool late = e.residual_after && e.act == Activation::kNone;
  UNROLL_PIXELS for (int m = 0; m < kPixels; ++m) {
    UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) {
      V x = acc[m][v];
      if (e.residual_before) x = hn::Add(x, hn::LoadU(d, t.residuals[m] + c + v * kLanes));
      x = clamp(d, x, low, high);
      if (late) x = hn::Add(x, hn::LoadU(d, t.residuals[m] + c + v * kLanes));
      hn::StoreU(x, d, t.outputs[m] + c + v * kLanes);
    }
  }
}

/// The last channels, fewer than a vector.
template <int kPixels>
HWY_INLINE void depthwise_rest(const Tile& t, const Epilogue& e, int64_t c, int64_t channels) {
  const bool late = e.residual_after && e.act == Activation::kNone;
  for (; c < channels; ++c) {
    for (int m = 0; m < kPixels; ++m) {
      float x = e.bias != nullptr ? e.bias[c] : 0.0f;
      for (int64_t tap = 0; tap < t.taps; ++tap)
        x += t.inputs[tap * kDepthwisePixels + m][c] * t.weights[t.offsets[tap] + c];
      if (e.residual_before) x += t.residuals[m][c];
      x = x < e.low ? e.low : x;
      x = x > e.high ? e.high : x;
      if (late) x += t.residuals[m][c];
      t.outputs[m][c] = x;
    }
  }
}

template <int kPixels>
void depthwise_tile(const Tile& t, const Epilogue& e, int64_t channels) {
  int64_t c = 0;
  for (; c + 2 * kLanes <= channels; c += 2 * kLanes) depthwise_vectors<kPixels, 2>(t, e, c);
  for (; c + kLanes <= channels; c += kLanes) depthwise_vectors<kPixels, 1>(t, e, c);
  depthwise_rest<kPixels>(t, e, c, channels);
}

#undef UNROLL_PIXELS
#undef UNROLL_VECTORS

/// One row of output pixels.
void depthwise_row(const StepArgs& args, const Epilogue& epilogue, int64_t row, std::byte* scratch,
                   const DepthwiseScratch& layout) {
  const ConvParams& p = params_of<ConvParams>(args);
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  const TensorView* residual = epilogue_operands(args, p.epilogue, 2).residual;
  const int64_t channels = y.shape[3];
  const int64_t padded = panels_for(channels) * kPanelColumns;
  const int64_t oy = row % y.shape[1];
  const int64_t n = row / y.shape[1];
  auto* table = reinterpret_cast<const float**>(scratch + layout.table);
  const int64_t taps = int64_t{p.kernel[0]} * p.kernel[1];
  auto* offsets = reinterpret_cast<int64_t*>(table + taps * kDepthwisePixels);
  const auto* zeros = reinterpret_cast<const float*>(scratch + layout.zeros);
  auto* sums = reinterpret_cast<float*>(scratch + layout.sums);
  // An activation in a second pass must not lose a residual that is the output's own memory.
  const bool buffered = epilogue.act != Activation::kNone && epilogue.residual_after;
  const float* x_image = x.as<float>() + n * x.strides[0];
  float* y_line = y.as<float>() + n * y.strides[0] + oy * y.strides[1];
  const float* r_line = residual != nullptr ? residual->as<float>() + n * residual->strides[0] +
                                                  oy * residual->strides[1]
                                            : nullptr;

  Tile t;
  t.inputs = table;
  t.offsets = offsets;
  t.weights = args.inputs[1].as<float>();
  for (int64_t ox = 0; ox < y.shape[2]; ox += kDepthwisePixels) {
    const int64_t left = y.shape[2] - ox;
    const int64_t pixels = left < kDepthwisePixels ? left : kDepthwisePixels;
    t.taps = point_taps(p, x, x_image, zeros, true, oy, ox, pixels, padded, table, offsets);
    for (int64_t m = 0; m < pixels; ++m) {
      t.outputs[m] = buffered ? sums + m * padded : y_line + (ox + m) * y.strides[2];
      t.residuals[m] = r_line != nullptr ? r_line + (ox + m) * residual->strides[2] : nullptr;
    }
    switch (pixels) {
      case 1:
        depthwise_tile<1>(t, epilogue, channels);
        break;
      case 2:
        depthwise_tile<2>(t, epilogue, channels);
        break;
      case 3:
        depthwise_tile<3>(t, epilogue, channels);
        break;
      default:
        depthwise_tile<4>(t, epilogue, channels);
        break;
    }
    if (epilogue.act == Activation::kNone) continue;
    for (int64_t m = 0; m < pixels; ++m) {
      finish_run(epilogue, t.outputs[m], buffered ? t.residuals[m] : nullptr, channels);
      if (buffered)
        std::memcpy(y_line + (ox + m) * y.strides[2], t.outputs[m],
                    static_cast<size_t>(channels) * sizeof(float));
    }
  }
}

}  // namespace

void conv_depthwise_run(const StepArgs& args) {
  const ConvParams& p = params_of<ConvParams>(args);
  const TensorView& y = args.outputs[0];
  if (y.elements() == 0) return;
  const int64_t taps = int64_t{p.kernel[0]} * p.kernel[1];
  const int64_t channels = y.shape[3];
  DepthwiseScratch layout;
  depthwise_scratch(taps, channels, &layout);
  const Epilogue epilogue = resolve_epilogue(args, p.epilogue, 2);
  const int64_t rows = y.shape[0] * y.shape[1];
  const int64_t row_work = y.shape[2] * channels * (taps + 8);
  parallel_ranges(args.parallel, rows, 200000 / (row_work + 1) + 1,
                  [&](int64_t begin, int64_t end, uint32_t worker) {
                    std::byte* scratch = args.worker_scratch + worker * args.worker_scratch_bytes;
                    std::memset(scratch + layout.zeros, 0,
                                static_cast<size_t>(layout.sums - layout.zeros));
                    for (int64_t row = begin; row < end; ++row)
                      depthwise_row(args, epilogue, row, scratch, layout);
                  });
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {

Status check_conv_depthwise(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_conv(args));
  const ConvParams& p = params_of<ConvParams>(args);
  if (p.spatial_rank != 2) return corrupt("depthwise convolution is 2-D", p.spatial_rank, 2);
  const int64_t channels = args.inputs[0].shape[3];
  if (p.groups != channels || args.outputs[0].shape[3] != channels)
    return corrupt("depthwise convolution needs a group per channel", p.groups, channels);
  DepthwiseScratch scratch;
  if (!depthwise_scratch(kernel_positions(p), channels, &scratch))
    return corrupt("convolution is too large", kernel_positions(p), channels);
  STINT_RETURN_IF_ERROR(
      check_packed(args.inputs[1], kernel_positions(p), panels_for(channels), kPanelColumns));
  return check_worker_scratch(args, scratch.bytes);
}

void run_conv_depthwise(const StepArgs& args) { STINT_SIMD(conv_depthwise_run)(args); }

}  // namespace stint::cpu
#endif
