// Max and average pooling over 1 to 3 spatial axes, channels-last.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pool.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include <limits>
#include <type_traits>

#include "kernels/cpu/conv_check.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/nan_keeping-inl.h"
#include "kernels/cpu/nan_keeping.h"
#include "kernels/cpu/strided_loop.h"
#include "plan_schema/params/pool.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {

/// A 1-D or 2-D problem with unit axes in front, so that every loop nest has three.
struct PoolShape {
  explicit PoolShape(const StepArgs& args)
      : p(params_of<PoolParams>(args)), x(args.inputs[0]), y(args.outputs[0]) {
    indices = args.output_count > 1 ? &args.outputs[1] : nullptr;
    for (int i = 0; i < kMaxSpatial; ++i) {
      const int axis = i - (kMaxSpatial - p.spatial_rank);
      const bool real = axis >= 0;
      kernel[i] = real ? p.kernel[axis] : 1;
      stride[i] = real ? p.stride[axis] : 1;
      dilation[i] = real ? p.dilation[axis] : 1;
      pad[i] = real ? p.pad_begin[axis] : 0;
      pad_end[i] = real ? p.pad_end[axis] : 0;
      in[i] = real ? x.shape[axis + 1] : 1;
      out[i] = real ? y.shape[axis + 1] : 1;
      in_stride[i] = real ? x.strides[axis + 1] : 0;
      out_stride[i] = real ? y.strides[axis + 1] : 0;
      index_stride[i] = real && indices != nullptr ? indices->strides[axis + 1] : 0;
    }
    channels = y.shape[y.rank - 1];
  }
  const PoolParams& p;
  const TensorView& x;
  const TensorView& y;
  const TensorView* indices;
  int64_t kernel[3], stride[3], dilation[3], pad[3], pad_end[3], in[3], out[3];
  int64_t in_stride[3], out_stride[3], index_stride[3];
  int64_t channels;
};

/// Kernel positions [begin, end) of an output position that lie inside the input.
HWY_INLINE void inside(const PoolShape& s, int axis, int64_t o, int64_t* first, int64_t* begin,
                       int64_t* end) {
  *first = o * s.stride[axis] - s.pad[axis];
  const int64_t d = s.dilation[axis];
  *begin = *first >= 0 ? 0 : (-*first + d - 1) / d;
  const int64_t room = s.in[axis] - *first;  // positions k with k * d < room
  *end = room <= 0 ? 0 : (room + d - 1) / d;
  if (*end > s.kernel[axis]) *end = s.kernel[axis];
  if (*begin > *end) *begin = *end;
}

/// Cells of a window that an average over padding counts: inside the input or the declared padding.
HWY_INLINE int64_t padded_cells(const PoolShape& s, int axis, int64_t first) {
  const int64_t room = s.in[axis] + s.pad_end[axis] - first;
  const int64_t cells = room <= 0 ? 0 : (room + s.dilation[axis] - 1) / s.dilation[axis];
  return cells < s.kernel[axis] ? cells : s.kernel[axis];
}

/// Cells to visit: pointers of the window are base + k0 * step[0] + k1 * step[1] + k2 * step[2].
struct Window {
  const float* base;
  int64_t count[3], step[3];
  float scale;
};

/// The sum of what is added, as Largest is the largest.
template <class D>
class Total {
  using V = hwy::HWY_NAMESPACE::Vec<D>;

 public:
  HWY_INLINE explicit Total(V start) : value_(start) {}
  HWY_INLINE void add(V x) { value_ = hwy::HWY_NAMESPACE::Add(value_, x); }
  HWY_INLINE V result() const { return value_; }

 private:
  V value_;
};

template <bool kMax>
HWY_INLINE void pool_channels(const Window& w, float* y, int64_t channels) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<float>()));
  using D = hn::ScalableTag<float>;
  using V = hn::Vec<D>;
  using Pooled = std::conditional_t<kMax, Largest<D>, Total<D>>;
  const V start = hn::Set(d, kMax ? -std::numeric_limits<float>::infinity() : 0.0f);
  const V scale = hn::Set(d, w.scale);
  int64_t c = 0;
  for (; c + 2 * kLanes <= channels; c += 2 * kLanes) {
    Pooled a(start), b(start);
    for (int64_t i = 0; i < w.count[0]; ++i)
      for (int64_t j = 0; j < w.count[1]; ++j) {
        const float* from = w.base + i * w.step[0] + j * w.step[1] + c;
        for (int64_t k = 0; k < w.count[2]; ++k, from += w.step[2]) {
          a.add(hn::LoadU(d, from));
          b.add(hn::LoadU(d, from + kLanes));
        }
      }
    hn::StoreU(kMax ? a.result() : hn::Mul(a.result(), scale), d, y + c);
    hn::StoreU(kMax ? b.result() : hn::Mul(b.result(), scale), d, y + c + kLanes);
  }
  for (; c < channels; ++c) {
    float a = kMax ? -std::numeric_limits<float>::infinity() : 0.0f;
    for (int64_t i = 0; i < w.count[0]; ++i)
      for (int64_t j = 0; j < w.count[1]; ++j) {
        const float* from = w.base + i * w.step[0] + j * w.step[1] + c;
        for (int64_t k = 0; k < w.count[2]; ++k, from += w.step[2])
          a = kMax ? larger(a, *from) : a + *from;
      }
    y[c] = kMax ? a : a * w.scale;
  }
}

/// Flat position of the largest value, or of the first NaN, in the model's N, C, spatial... order.
HWY_INLINE void index_channels(const PoolShape& s, const Window& w, int64_t n, const int64_t* first,
                               const int64_t* begin, int64_t* to) {
  const int64_t plane = s.in[0] * s.in[1] * s.in[2];
  const int64_t rank_first = kMaxSpatial - s.p.spatial_rank;
  for (int64_t c = 0; c < s.channels; ++c) {
    float best = -std::numeric_limits<float>::infinity();
    int64_t at[3] = {0, 0, 0};
    bool any = false;
    for (int64_t i = 0; i < w.count[0]; ++i)
      for (int64_t j = 0; j < w.count[1]; ++j)
        for (int64_t k = 0; k < w.count[2]; ++k) {
          const float v = w.base[i * w.step[0] + j * w.step[1] + k * w.step[2] + c];
          if (any && !(v > best || (v != v && best == best))) continue;
          any = true;
          best = v;
          at[0] = i, at[1] = j, at[2] = k;
        }
    int64_t flat = 0;
    int64_t weight = 1;
    for (int i = kMaxSpatial - 1; i >= rank_first; --i) {
      const int axis =
          s.p.column_major_indices ? static_cast<int>(rank_first) + kMaxSpatial - 1 - i : i;
      const int64_t position = first[axis] + (begin[axis] + at[axis]) * s.dilation[axis];
      flat += position * weight;
      weight *= s.in[axis];
    }
    to[c] = any ? (n * s.channels + c) * plane + flat : 0;
  }
}

void pool_pixel(const PoolShape& s, int64_t pixel) {
  int64_t o[3];
  int64_t n = pixel;
  for (int i = 2; i >= 0; --i) {
    o[i] = n % s.out[i];
    n /= s.out[i];
  }
  int64_t first[3], begin[3], end[3];
  Window w;
  w.base = s.x.as<float>() + n * s.x.strides[0];
  float* y = s.y.as<float>() + n * s.y.strides[0];
  int64_t cells = 1;
  for (int i = 0; i < 3; ++i) {
    inside(s, i, o[i], &first[i], &begin[i], &end[i]);
    w.count[i] = end[i] - begin[i];
    w.step[i] = s.dilation[i] * s.in_stride[i];
    if (w.count[i] > 0) w.base += (first[i] + begin[i] * s.dilation[i]) * s.in_stride[i];
    cells *= s.p.count_include_pad ? padded_cells(s, i, first[i]) : w.count[i];
    y += o[i] * s.out_stride[i];
  }
  w.scale = cells > 0 ? 1.0f / static_cast<float>(cells) : 0.0f;
  if (s.p.is_max) {
    pool_channels<true>(w, y, s.channels);
  } else {
    pool_channels<false>(w, y, s.channels);
  }
  if (s.indices != nullptr) {
    int64_t* to = s.indices->as<int64_t>() + n * s.indices->strides[0];
    for (int i = 0; i < 3; ++i) to += o[i] * s.index_stride[i];
    index_channels(s, w, n, first, begin, to);
  }
}

}  // namespace

void pool_run(const StepArgs& args) {
  const PoolShape s(args);
  if (s.y.elements() == 0) return;
  const int64_t pixels = s.y.elements() / s.channels;
  const int64_t work = s.channels * s.kernel[0] * s.kernel[1] * s.kernel[2] / 4;
  const int64_t grain = work > 50000 ? 1 : 50000 / (work + 1) + 1;
  parallel_ranges(args.parallel, pixels, grain, [&](int64_t begin, int64_t end, uint32_t) {
    for (int64_t i = begin; i < end; ++i) pool_pixel(s, i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {

Status check_pool(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<PoolParams>(args));
  const PoolParams& p = params_of<PoolParams>(args);
  if (p.is_max > 1 || p.count_include_pad > 1 || p.column_major_indices > 1)
    return corrupt("pooling flag is neither 0 nor 1", p.is_max, 1);
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, args.output_count == 2 && p.is_max ? 2 : 1));
  STINT_RETURN_IF_ERROR(check_window(p.spatial_rank, p.kernel, p.stride, p.dilation, p.pad_begin));
  for (int i = 0; i < kMaxSpatial; ++i)
    if (p.pad_end[i] < 0 || p.pad_end[i] > (1 << 24))
      return corrupt("padding is out of range", p.pad_end[i], 1 << 24);
  STINT_RETURN_IF_ERROR(check_activations(args, p.spatial_rank));
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  if (x.shape[x.rank - 1] != y.shape[y.rank - 1])
    return corrupt("pooling changes the channels", y.shape[y.rank - 1], x.shape[x.rank - 1]);
  if (args.output_count == 2) {
    STINT_RETURN_IF_ERROR(check_dtype(args.outputs[1], DType::kI64));
    STINT_RETURN_IF_ERROR(check_inner_dense(args.outputs[1]));
    STINT_RETURN_IF_ERROR(check_same_shape(args.outputs[1], y));
  }
  return ok_status();
}

void run_pool(const StepArgs& args) { STINT_SIMD(pool_run)(args); }

}  // namespace stint::cpu
#endif
