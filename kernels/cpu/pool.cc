// Max and average pooling over 1 to 3 spatial axes, channels-last.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pool.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include <limits>
#include <type_traits>

#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/nan_keeping-inl.h"
#include "kernels/cpu/nan_keeping.h"
#include "kernels/cpu/pool_window.h"
#include "kernels/cpu/strided_loop.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {

using Window = PoolWindow<float>;

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
HWY_INLINE void pool_channels(const Window& w, float scale_of_sum, float* y, int64_t channels) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<float>()));
  using D = hn::ScalableTag<float>;
  using V = hn::Vec<D>;
  using Pooled = std::conditional_t<kMax, Largest<D>, Total<D>>;
  const V start = hn::Set(d, kMax ? -std::numeric_limits<float>::infinity() : 0.0f);
  const V scale = hn::Set(d, scale_of_sum);
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
    y[c] = kMax ? a : a * scale_of_sum;
  }
}

/// Flat position of the largest value, or of the first NaN, in the model's N, C, spatial... order.
HWY_INLINE void index_channels(const PoolShape& s, const Window& w, int64_t* to) {
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
      const int64_t position = w.first[axis] + (w.begin[axis] + at[axis]) * s.dilation[axis];
      flat += position * weight;
      weight *= s.in[axis];
    }
    to[c] = any ? (w.n * s.channels + c) * plane + flat : 0;
  }
}

void pool_pixel(const PoolShape& s, int64_t pixel) {
  const Window w(s, pixel);
  float* y = s.y.as<float>() + w.y_offset;
  const float scale = w.cells > 0 ? 1.0f / static_cast<float>(w.cells) : 0.0f;
  if (s.p.is_max) {
    pool_channels<true>(w, scale, y, s.channels);
  } else {
    pool_channels<false>(w, scale, y, s.channels);
  }
  if (s.indices != nullptr) index_channels(s, w, s.indices->as<int64_t>() + w.index_offset);
}

}  // namespace

void pool_run(const StepArgs& args) {
  const PoolShape s(args, params_of<PoolParams>(args));
  if (s.y.elements() == 0) return;
  parallel_ranges(args.parallel, pool_pixels(s), pool_grain(s),
                  [&](int64_t begin, int64_t end, uint32_t) {
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
  STINT_RETURN_IF_ERROR(
      check_operands(args, 1, 1, args.output_count == 2 && p.is_max == 1 ? 2 : 1));
  STINT_RETURN_IF_ERROR(check_pool_shapes(args, p));
  const TensorView& y = args.outputs[0];
  for (const TensorView* t : {&args.inputs[0], &y})
    STINT_RETURN_IF_ERROR(check_dtype(*t, DType::kF32));
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
