// Max and average pooling of 8-bit integers.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/quantized/quantized_pool.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include <limits>

#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/pool_window.h"
#include "kernels/cpu/quantized/quantized_lanes-inl.h"
#include "kernels/cpu/strided_loop.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// f(pointer) for every cell of the window, from its first channel on.
template <typename T, typename F>
HWY_INLINE void for_each_cell(const PoolWindow<T>& w, F&& f) {
  for (int64_t i = 0; i < w.count[0]; ++i)
    for (int64_t j = 0; j < w.count[1]; ++j) {
      const T* cell = w.base + i * w.step[0] + j * w.step[1];
      for (int64_t k = 0; k < w.count[2]; ++k, cell += w.step[2]) f(cell);
    }
}

/// The largest integer stands for the largest number; a window without cells gives the smallest.
template <typename T>
HWY_INLINE void largest(const PoolWindow<T>& w, T* y, int64_t channels) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    auto v = hn::Set(d, std::numeric_limits<T>::lowest());
    for_each_cell(w, [&](const T* cell) HWY_ATTR { v = hn::Max(v, hn::LoadU(d, cell + c)); });
    hn::StoreU(v, d, y + c);
  }
  const hn::CappedTag<T, 8> narrow;
  for (; c + 8 <= channels; c += 8) {
    auto v = hn::Set(narrow, std::numeric_limits<T>::lowest());
    for_each_cell(w, [&](const T* cell) HWY_ATTR { v = hn::Max(v, hn::LoadU(narrow, cell + c)); });
    hn::StoreU(v, narrow, y + c);
  }
  for (; c < channels; ++c) {
    T v = std::numeric_limits<T>::lowest();
    for_each_cell(w, [&](const T* cell) { v = cell[c] > v ? cell[c] : v; });
    y[c] = v;
  }
}

/// Of what an average multiplies a sum with, and adds to it, in units of y's scale.
struct Mean {
  float factor, term;
};

template <typename T, typename Y>
HWY_INLINE void mean(const PoolWindow<T>& w, const Mean& m, const RealStorer<Y>& storer, Y* y,
                     int64_t channels) {
  const hn::ScalableTag<float> d;
  const hn::ScalableTag<int32_t> di;
  const hn::Rebind<T, hn::ScalableTag<int32_t>> narrow;
  constexpr int64_t kLanes = RealLoader<T>::kLanes;
  const auto factor = hn::Set(d, m.factor), term = hn::Set(d, m.term);
  const auto of_sum = [&](auto sum) HWY_ATTR {
    return hn::Add(hn::Mul(hn::ConvertTo(d, sum), factor), term);
  };
  int64_t c = 0;
  for (; c + 2 * kLanes <= channels; c += 2 * kLanes) {
    auto a = hn::Zero(di), b = hn::Zero(di);
    for_each_cell(w, [&](const T* cell) HWY_ATTR {
      a = hn::Add(a, hn::PromoteTo(di, hn::LoadU(narrow, cell + c)));
      b = hn::Add(b, hn::PromoteTo(di, hn::LoadU(narrow, cell + c + kLanes)));
    });
    storer.store(of_sum(a), y + c);
    storer.store(of_sum(b), y + c + kLanes);
  }
  for (; c < channels; c += kLanes) {
    const int64_t n = channels - c < kLanes ? channels - c : kLanes;
    HWY_ALIGN int32_t sums[kLanes] = {};
    for_each_cell(w, [&](const T* cell) {
      for (int64_t i = 0; i < n; ++i) sums[i] += cell[c + i];
    });
    storer.store(of_sum(hn::Load(di, sums)), y + c, n);
  }
}

template <typename T, typename Y>
void pool(const StepArgs& args) {
  const QuantizedPoolParams& q = params_of<QuantizedPoolParams>(args);
  const PoolShape s(args, q.pool);
  if (s.y.elements() == 0) return;
  const RealStorer<Y> storer(q.y.zero_point);
  const float ratio = q.x.scale * (1.0f / q.y.scale);
  parallel_ranges(args.parallel, pool_pixels(s), 4 * pool_grain(s),
                  [&](int64_t begin, int64_t end, uint32_t) {
                    for (int64_t i = begin; i < end; ++i) {
                      const PoolWindow<T> w(s, i);
                      Y* y = s.y.as<Y>() + w.y_offset;
                      if constexpr (std::is_same_v<T, Y>) {
                        if (q.pool.is_max) {
                          largest(w, y, s.channels);
                          continue;
                        }
                      }
                      // What padding adds is the number 0, which is no integer's own.
                      const int64_t cells = w.count[0] * w.count[1] * w.count[2];
                      Mean m = {0, 0};
                      if (w.cells > 0) {
                        m.factor = ratio / static_cast<float>(w.cells);
                        m.term = -m.factor * static_cast<float>(cells * q.x.zero_point);
                      }
                      mean(w, m, storer, y, s.channels);
                    }
                  });
}

}  // namespace

void quantized_pool_run(const StepArgs& args) {
  with_stored_type(args.outputs[0].dtype, [&](auto y) {
    using Y = decltype(y);
    args.inputs[0].dtype == DType::kI8 ? pool<int8_t, Y>(args) : pool<uint8_t, Y>(args);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {

Status check_quantized_pool(const StepArgs& args) {
  STINT_RETURN_IF_ERROR(check_params<QuantizedPoolParams>(args));
  const QuantizedPoolParams& q = params_of<QuantizedPoolParams>(args);
  STINT_RETURN_IF_ERROR(check_operands(args, 1, 1, 1));
  STINT_RETURN_IF_ERROR(check_pool_shapes(args, q.pool));
  const TensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  STINT_RETURN_IF_ERROR(check_quantized(x, q.x));
  STINT_RETURN_IF_ERROR(check_quantized(y, q.y));
  if (x.dtype == DType::kF32) return corrupt("quantised pooling of f32", 0, 1);
  if (q.pool.is_max &&
      (x.dtype != y.dtype || q.x.scale != q.y.scale || q.x.zero_point != q.y.zero_point))
    return corrupt("maximum of integers that stand for other numbers than the result's", 0, 1);
  STINT_RETURN_IF_ERROR(check_scale_ratio(q.x, q.y));
  // A sum of so many bytes fits 32 bits.
  int64_t cells = 1;
  for (const int32_t extent : q.pool.kernel)
    if (!checked_mul(cells, extent, &cells) || cells > (1 << 23))
      return corrupt("pooling window is too large", cells, 1 << 23);
  return ok_status();
}

void run_quantized_pool(const StepArgs& args) { STINT_SIMD(quantized_pool_run)(args); }

}  // namespace stint::cpu
#endif
