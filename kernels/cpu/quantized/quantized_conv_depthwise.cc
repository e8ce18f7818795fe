// 2-D depthwise convolution on 8-bit integers. Weights: i8 [kh * kw][panels][16], panels = ceil(C /
// 16), zero filled.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/quantized/quantized_conv_depthwise.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include <cstring>

#include "kernels/cpu/depthwise_taps.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/quantized/quantized_blocking.h"
#include "kernels/cpu/quantized/quantized_conv_check.h"
#include "kernels/cpu/quantized/quantized_finish-inl.h"
#include "kernels/cpu/strided_loop.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<int32_t>;
using V = hn::Vec<Tag>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(Tag()));

#define UNROLL_PIXELS _Pragma("GCC unroll 4")
#define UNROLL_VECTORS _Pragma("GCC unroll 2")
#define UNROLL_COLUMNS _Pragma("GCC unroll 16")

struct Taps {
  const uint8_t* const* inputs;  // [tap][kDepthwisePixels]; [tap] for pixels inside
  const int64_t* offsets;        // [tap], of the weights
  int64_t count = 0;
  const int8_t* weights;
  int64_t first = 0;   // pixels inside: elements from inputs[tap] to the first one
  int64_t step = 0;    // and from one to the next
  int64_t column = 0;  // from a column of x to the next

  template <bool kInner>
  HWY_INLINE const uint8_t* at(int64_t tap, int64_t m) const {
    return kInner ? inputs[tap] + first + m * step : inputs[tap * kDepthwisePixels + m];
  }
};

/// x * w, x an unsigned and w a signed byte in the lanes.
HWY_INLINE V multiply(V x, V w) {
  // The products of 16-bit halves are added in pairs; x's upper halves are 0.
#if HWY_TARGET == HWY_AVX3
  return V{_mm512_madd_epi16(x.raw, w.raw)};
#elif HWY_TARGET == HWY_AVX2
  return V{_mm256_madd_epi16(x.raw, w.raw)};
#elif HWY_TARGET == HWY_SSE4
  return V{_mm_madd_epi16(x.raw, w.raw)};
#else
  return hn::Mul(x, w);
#endif
}

/// Sums of full vectors of channels [c, c + kVectors * kLanes) of kPixels pixels.
template <bool kInner, int kPixels, int kVectors>
HWY_INLINE void sum_vectors(const Taps& t, int64_t c, int32_t* sums, int64_t stride) {
  const Tag d;
  const hn::Rebind<uint8_t, Tag> d_x;
  const hn::Rebind<int8_t, Tag> d_w;
  V acc[kPixels][kVectors];
  UNROLL_PIXELS for (int m = 0; m < kPixels; ++m) UNROLL_VECTORS for (int v = 0; v < kVectors; ++v)
      acc[m][v] = hn::Zero(d);
  for (int64_t tap = 0; tap < t.count; ++tap) {
    const int8_t* weights = t.weights + t.offsets[tap] + c;
    V w[kVectors];
    UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) w[v] =
        hn::PromoteTo(d, hn::LoadU(d_w, weights + v * kLanes));
    UNROLL_PIXELS for (int m = 0; m < kPixels; ++m) {
      const uint8_t* x = t.at<kInner>(tap, m) + c;
      UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) acc[m][v] =
          hn::Add(acc[m][v], multiply(hn::PromoteTo(d, hn::LoadU(d_x, x + v * kLanes)), w[v]));
    }
  }
  UNROLL_PIXELS for (int m = 0; m < kPixels; ++m) UNROLL_VECTORS for (int v = 0; v < kVectors; ++v)
      hn::StoreU(acc[m][v], d, sums + m * stride + v * kLanes);
}

/// The same for four pixels inside whose kernel is kWidth columns wide, without dilation: the
/// columns that pixels share are widened once.
template <int kWidth, int kStride, int kVectors>
HWY_INLINE void sum_shared_columns(const Taps& t, int64_t c, int32_t* sums, int64_t stride) {
  const Tag d;
  const hn::Rebind<uint8_t, Tag> d_x;
  const hn::Rebind<int8_t, Tag> d_w;
  constexpr int kPixels = kDepthwisePixels;
  V acc[kPixels][kVectors];
  UNROLL_PIXELS for (int m = 0; m < kPixels; ++m) UNROLL_VECTORS for (int v = 0; v < kVectors; ++v)
      acc[m][v] = hn::Zero(d);
  for (int64_t tap = 0; tap < t.count; tap += kWidth) {
    V w[kWidth][kVectors];
    UNROLL_COLUMNS for (int k = 0; k < kWidth; ++k)
        UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) w[k][v] =
            hn::PromoteTo(d, hn::LoadU(d_w, t.weights + t.offsets[tap + k] + c + v * kLanes));
    const uint8_t* x = t.inputs[tap] + t.first + c;
    UNROLL_COLUMNS for (int i = 0; i < (kPixels - 1) * kStride + kWidth; ++i, x += t.column) {
      UNROLL_VECTORS for (int v = 0; v < kVectors; ++v) {
        const V terms = hn::PromoteTo(d, hn::LoadU(d_x, x + v * kLanes));
        UNROLL_PIXELS for (int m = 0; m < kPixels; ++m) {
          const int k = i - m * kStride;
          if (k >= 0 && k < kWidth) acc[m][v] = hn::Add(acc[m][v], multiply(terms, w[k][v]));
        }
      }
    }
  }
  UNROLL_PIXELS for (int m = 0; m < kPixels; ++m) UNROLL_VECTORS for (int v = 0; v < kVectors; ++v)
      hn::StoreU(acc[m][v], d, sums + m * stride + v * kLanes);
}

/// Of the last channels, fewer than a vector.
template <bool kInner, int kPixels>
HWY_INLINE void sum_rest(const Taps& t, int64_t c, int64_t channels, int32_t* sums,
                         int64_t stride) {
  for (int64_t i = 0; i < channels - c; ++i) {
    for (int m = 0; m < kPixels; ++m) {
      int32_t sum = 0;
      for (int64_t tap = 0; tap < t.count; ++tap)
        sum += t.at<kInner>(tap, m)[c + i] * t.weights[t.offsets[tap] + c + i];
      sums[m * stride + i] = sum;
    }
  }
}

/// kWidth: of a kernel whose columns are shared; 0: any.
template <bool kInner, int kPixels, int kWidth = 0, int kStride = 0>
void pixels_of(const Taps& t, QuantizedTile& tile, int64_t channels) {
  HWY_ALIGN int32_t sums[kPixels * kMostFinishColumns];
  for (int64_t first = 0; first < channels; first += kMostFinishColumns) {
    const int64_t left = channels - first;
    const int64_t columns = left < kMostFinishColumns ? left : kMostFinishColumns;
    const int64_t stride = (columns + kLanes - 1) / kLanes * kLanes;
    int64_t c = 0;
    for (; c + 2 * kLanes <= columns; c += 2 * kLanes) {
      if constexpr (kWidth > 0)
        sum_shared_columns<kWidth, kStride, 2>(t, first + c, sums + c, stride);
      else
        sum_vectors<kInner, kPixels, 2>(t, first + c, sums + c, stride);
    }
    for (; c + kLanes <= columns; c += kLanes)
      sum_vectors<kInner, kPixels, 1>(t, first + c, sums + c, stride);
    if (c < columns) {
      for (int m = 0; m < kPixels; ++m) hn::StoreU(hn::Zero(Tag()), Tag(), sums + m * stride + c);
      sum_rest<kInner, kPixels>(t, first + c, first + columns, sums + c, stride);
    }
    tile.column = first;
    tile.columns = columns;
    finish_quantized(tile, sums, kPixels, stride);
  }
}

#undef UNROLL_PIXELS
#undef UNROLL_VECTORS
#undef UNROLL_COLUMNS

template <bool kInner>
void any_pixels(int64_t pixels, const Taps& t, QuantizedTile& tile, int64_t channels) {
  switch (pixels) {
    case 1:
      return pixels_of<kInner, 1>(t, tile, channels);
    case 2:
      return pixels_of<kInner, 2>(t, tile, channels);
    case 3:
      return pixels_of<kInner, 3>(t, tile, channels);
    default:
      return pixels_of<kInner, 4>(t, tile, channels);
  }
}

/// What computes four pixels inside fastest; null: nothing of its own.
auto four_pixels(const ConvParams& p) -> void (*)(const Taps&, QuantizedTile&, int64_t) {
  if (p.dilation[1] != 1) return nullptr;
  if (p.kernel[1] == 3 && p.stride[1] == 1) return pixels_of<true, 4, 3, 1>;
  if (p.kernel[1] == 3 && p.stride[1] == 2) return pixels_of<true, 4, 3, 2>;
  if (p.kernel[1] == 5 && p.stride[1] == 1) return pixels_of<true, 4, 5, 1>;
  if (p.kernel[1] == 5 && p.stride[1] == 2) return pixels_of<true, 4, 5, 2>;
  return nullptr;
}

/// One row of output pixels.
void depthwise_row(const StepArgs& args, const QuantizedEpilogue& epilogue, int64_t row,
                   std::byte* scratch, const DepthwiseScratch& layout) {
  const QuantizedConvParams& q = params_of<QuantizedConvParams>(args);
  const ConvParams& p = q.conv;
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  const TensorView* residual = epilogue_operands(args, p.epilogue, kQuantizedFixedInputs).residual;
  const int64_t channels = y.shape[3];
  const int64_t padded = panels_for(channels) * kPanelColumns;
  const int64_t oy = row % y.shape[1];
  const int64_t n = row / y.shape[1];
  auto* table = reinterpret_cast<const uint8_t**>(scratch + layout.table);
  auto* offsets = reinterpret_cast<int64_t*>(table + kernel_positions(p) * kDepthwisePixels);
  const auto* outside = reinterpret_cast<const uint8_t*>(scratch + layout.zeros);
  const uint8_t* image = x.as<uint8_t>() + n * x.strides[0];
  const int64_t y_line = n * y.strides[0] + oy * y.strides[1];
  const int64_t residual_line =
      residual != nullptr ? n * residual->strides[0] + oy * residual->strides[1] : 0;
  const int64_t y_bytes = dtype_bytes(y.dtype);
  QuantizedRow rows[kDepthwisePixels];
  QuantizedTile tile;
  tile.rows = rows;
  tile.epilogue = &epilogue;
  Taps t;
  t.inputs = table;
  t.offsets = offsets;
  t.weights = args.inputs[1].as<int8_t>();
  // Taps that are the zero point 0 add nothing.
  const bool skip = q.x.zero_point == 0;
  InnerPixels inner(p, x, y.shape[2]);
  if (!skip && !sees_inner_rows(p, x, oy)) inner.end = inner.begin;
  t.step = p.stride[1] * x.strides[2];
  t.column = x.strides[2];
  const auto four = four_pixels(p);
  int64_t pixels = 0;
  for (int64_t ox = 0; ox < y.shape[2]; ox += pixels) {
    const bool inside = ox >= inner.begin && ox < inner.end;
    const int64_t end = inside ? inner.end : ox < inner.begin ? inner.begin : y.shape[2];
    pixels = end - ox < kDepthwisePixels ? end - ox : kDepthwisePixels;
    for (int64_t m = 0; m < pixels; ++m) {
      rows[m].y = y.as<std::byte>() + (y_line + (ox + m) * y.strides[2]) * y_bytes;
      rows[m].residual =
          residual == nullptr
              ? nullptr
              : residual->as<std::byte>() + (residual_line + (ox + m) * residual->strides[2]) *
                                                dtype_bytes(residual->dtype);
    }
    if (inside) {
      if (ox == inner.begin)
        t.count = point_inner_taps(p, x, image, oy, ox, padded, table, offsets);
      t.first = (ox - inner.begin) * t.step;
      if (pixels == kDepthwisePixels && four != nullptr)
        four(t, tile, channels);
      else
        any_pixels<true>(pixels, t, tile, channels);
    } else {
      t.count = point_taps(p, x, image, outside, skip, oy, ox, pixels, padded, table, offsets);
      any_pixels<false>(pixels, t, tile, channels);
    }
  }
}

}  // namespace

void quantized_conv_depthwise_run(const StepArgs& args) {
  const QuantizedConvParams& q = params_of<QuantizedConvParams>(args);
  const TensorView& y = args.outputs[0];
  if (y.elements() == 0) return;
  const int64_t taps = kernel_positions(q.conv);
  const int64_t channels = y.shape[3];
  DepthwiseScratch layout;
  depthwise_scratch(taps, channels, &layout);
  const QuantizedEpilogue epilogue = resolve_quantized_epilogue(args, q, q.conv.epilogue);
  const int64_t rows = y.shape[0] * y.shape[1];
  const int64_t row_work = y.shape[2] * channels * (taps + 8);
  parallel_ranges(args.parallel, rows, 400000 / (row_work + 1) + 1,
                  [&](int64_t begin, int64_t end, uint32_t worker) {
                    std::byte* scratch = args.worker_scratch + worker * args.worker_scratch_bytes;
                    std::memset(scratch + layout.zeros, q.x.zero_point,
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

Status check_quantized_conv_depthwise(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_quantized_conv_shapes(args));
  const ConvParams& p = params_of<QuantizedConvParams>(args).conv;
  const int64_t channels = args.inputs[0].shape[3];
  const int64_t taps = kernel_positions(p);
  if (p.groups != channels || args.outputs[0].shape[3] != channels)
    return corrupt("depthwise convolution needs a group per channel", p.groups, channels);
  DepthwiseScratch scratch;
  if (taps > kMaxQuantizedDepth || !depthwise_scratch(taps, channels, &scratch))
    return corrupt("convolution is too large", taps, channels);
  STINT_RETURN_IF_ERROR(check_packed(args.inputs[1], taps, panels_for(channels), kPanelColumns));
  return check_worker_scratch(args, scratch.bytes);
}

void run_quantized_conv_depthwise(const StepArgs& args) {
  STINT_SIMD(quantized_conv_depthwise_run)(args);
}

}  // namespace stint::cpu
#endif
