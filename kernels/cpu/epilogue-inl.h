// Activations over a run of values, shared by all kernels that have an epilogue.
#if defined(STINT_EPILOGUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STINT_EPILOGUE_INL_H_
#undef STINT_EPILOGUE_INL_H_
#else
#define STINT_EPILOGUE_INL_H_
#endif

#include "kernels/cpu/epilogue.h"
#include "kernels/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

/// y[i] = f(y[i]) (+ residual[i]) for i in [0, n). `f` maps a vector.
template <typename F>
HWY_INLINE void map_run(float* y, const float* residual, int64_t n, F f) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<float>()));
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    auto v = f(hn::LoadU(d, y + i));
    if (residual != nullptr) v = hn::Add(v, hn::LoadU(d, residual + i));
    hn::StoreU(v, d, y + i);
  }
  if (i < n) {
    HWY_ALIGN float buffer[kLanes] = {};
    for (int64_t k = i; k < n; ++k) buffer[k - i] = y[k];
    hn::Store(f(hn::Load(d, buffer)), d, buffer);
    for (int64_t k = i; k < n; ++k)
      y[k] = buffer[k - i] + (residual != nullptr ? residual[k] : 0.0f);
  }
}

/// The part of the epilogue after the clamp: activation, then the late residual (null: none). D:
/// how vectors are computed (Unfused).
template <class D = hwy::HWY_NAMESPACE::ScalableTag<float>>
HWY_NOINLINE void finish_run(const Epilogue& e, float* y, const float* residual, int64_t n) {
  namespace hn = hwy::HWY_NAMESPACE;
  const D d;
  using V = hn::Vec<D>;
  const V alpha = hn::Set(d, e.alpha);
  const V beta = hn::Set(d, e.beta);
  switch (e.act) {
    case Activation::kLeakyRelu:
      return map_run(y, residual, n, [&](V x) HWY_ATTR { return vleaky_relu(d, x, alpha); });
    case Activation::kSigmoid:
      return map_run(y, residual, n, [&](V x) HWY_ATTR { return vsigmoid(d, x); });
    case Activation::kTanh:
      return map_run(y, residual, n, [&](V x) HWY_ATTR { return vtanh(d, x); });
    case Activation::kSilu:
      return map_run(y, residual, n, [&](V x) HWY_ATTR { return vsilu(d, x); });
    case Activation::kHardSigmoid:
      return map_run(y, residual, n,
                     [&](V x) HWY_ATTR { return vhard_sigmoid(d, x, alpha, beta); });
    case Activation::kHardSwish:
      return map_run(y, residual, n, [&](V x) HWY_ATTR { return vhard_swish(d, x); });
    case Activation::kMish:
      return map_run(y, residual, n, [&](V x) HWY_ATTR { return vmish(d, x); });
    case Activation::kGelu:
      return map_run(y, residual, n, [&](V x) HWY_ATTR { return vgelu(d, x); });
    case Activation::kElu:
      return map_run(y, residual, n, [&](V x) HWY_ATTR { return velu(d, x, alpha); });
    default:  // the clamp did it
      if (residual != nullptr) map_run(y, residual, n, [&](V x) HWY_ATTR { return x; });
  }
}

/// The whole epilogue of one output row whose accumulators lie in y: bias and residual start at
/// this row's first channel.
inline void epilogue_run(const Epilogue& e, const float* bias, const float* residual, float* y,
                         int64_t n) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<float>()));
  const V low = hn::Set(d, e.low);
  const V high = hn::Set(d, e.high);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    V x = hn::LoadU(d, y + i);
    if (bias != nullptr) x = hn::Add(x, hn::LoadU(d, bias + i));
    if (e.residual_before) x = hn::Add(x, hn::LoadU(d, residual + i));
    hn::StoreU(clamp(d, x, low, high), d, y + i);
  }
  for (; i < n; ++i) {
    float x = y[i];
    if (bias != nullptr) x += bias[i];
    if (e.residual_before) x += residual[i];
    // Written so that a NaN passes.
    x = x < e.low ? e.low : x;
    y[i] = x > e.high ? e.high : x;
  }
  finish_run(e, y, e.residual_after ? residual : nullptr, n);
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#endif
