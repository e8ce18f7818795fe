// From exact sums to results: the epilogue of products of 8-bit integers. Every SIMD target stores
// the same bytes: operations and their order are the same, and no multiplication is fused with an
// addition, because SSE4 cannot.
#if defined(STINT_QUANTIZED_FINISH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STINT_QUANTIZED_FINISH_INL_H_
#undef STINT_QUANTIZED_FINISH_INL_H_
#else
#define STINT_QUANTIZED_FINISH_INL_H_
#endif

#include "kernels/cpu/epilogue-inl.h"
#include "kernels/cpu/quantized/quantized_lanes-inl.h"
#include "kernels/cpu/quantized/quantized_tile.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

/// Columns of one call.
inline constexpr int64_t kMostFinishColumns = 128;

/// The type of a residual that is not there.
struct NoResidual {};

/// Rows of sums, `stride` apart, that belong to the tile's rows and columns. Y: what is stored. R:
/// the residual's type.
template <typename Y, typename R>
class QuantizedFinish {
  using D = hwy::HWY_NAMESPACE::ScalableTag<float>;
  using DI = hwy::HWY_NAMESPACE::ScalableTag<int32_t>;
  using V = hwy::HWY_NAMESPACE::Vec<D>;
  static constexpr int64_t kLanes = RealLoader<float>::kLanes;
  static constexpr bool kResidual = !std::is_same_v<R, NoResidual>;
  using Loader = RealLoader<std::conditional_t<kResidual, R, float>>;

 public:
  QuantizedFinish(const QuantizedTile& t, const int32_t* sums, int rows, int64_t stride)
      : t_(t),
        e_(*t.epilogue),
        sums_(sums),
        rows_(rows),
        stride_(stride),
        columns_(t.columns < stride ? t.columns : stride) {}

  HWY_INLINE void run() const {
    if (e_.real.act == Activation::kNone)
      clamped();
    else
      activated();
  }

 private:
  /// An activation that is a clamp: everything is counted in units of y's scale.
  HWY_INLINE void clamped() const {
    namespace hn = hwy::HWY_NAMESPACE;
    const D d;
    Clamped k(e_);
    const V inverse = hn::Set(d, e_.inverse);
    for (int64_t c = 0; c < columns_; c += kLanes) {
      const int64_t n = columns_ - c < kLanes ? columns_ - c : kLanes;
      k.multiplier = hn::Mul(per_channel(e_.multiplier, c, n), inverse);
      k.bias = hn::Mul(per_channel(e_.real.bias, c, n), inverse);
      // An infinite sum of products of finite numbers is no NaN.
      const bool numbers =
          k.residual_is_finite &&
          hn::AllTrue(d, hn::And(hn::IsFinite(k.multiplier), hn::IsFinite(k.bias)));
      if (n < kLanes)
        clamped_rows<false, false>(k, c, n);
      else if (numbers)
        clamped_rows<true, true>(k, c, n);
      else
        clamped_rows<true, false>(k, c, n);
    }
  }

  /// What the rows of a vector of channels share.
  struct Clamped {
    HWY_INLINE explicit Clamped(const QuantizedEpilogue& e)
        : after(e.real.residual_after),
          low(hwy::HWY_NAMESPACE::Set(D(), e.real.low * e.inverse)),
          high(hwy::HWY_NAMESPACE::Set(D(), e.real.high * e.inverse)),
          // The clamp to what Y holds is the activation's too, unless something is added in
          // between.
          storer(after ? RealStorer<Y>(e.y_zero)
                       : RealStorer<Y>(e.y_zero, e.real.low * e.inverse, e.real.high * e.inverse)),
          residual(e.residual_scale * e.inverse, e.residual_zero),
          residual_is_finite(!kResidual ||
                             (!std::is_same_v<R, float> &&
                              e.residual_scale * e.inverse <= std::numeric_limits<float>::max())) {}

    bool after;
    V low, high, multiplier, bias;
    RealStorer<Y> storer;
    Loader residual;
    bool residual_is_finite;
  };

  template <bool kFull, bool kNumbers>
  HWY_INLINE void clamped_rows(const Clamped& k, int64_t c, int64_t n) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const D d;
    for (int m = 0; m < rows_; ++m) {
      V v = hn::Add(hn::Mul(sum(m, c), k.multiplier), k.bias);
      if constexpr (kResidual) {
        const V r =
            kFull ? k.residual.load(residual_of(m, c)) : k.residual.load(residual_of(m, c), n);
        v = k.after ? hn::Add(clamp(d, v, k.low, k.high), r) : hn::Add(v, r);
      }
      if constexpr (kFull)
        k.storer.template store<kNumbers>(v, y_of(m, c));
      else
        k.storer.store(v, y_of(m, c), n);
    }
  }

  /// Any other activation: on real numbers, a row at a time.
  HWY_INLINE void activated() const {
    namespace hn = hwy::HWY_NAMESPACE;
    const D d;
    const bool after = e_.real.residual_after;
    const RealStorer<Y> storer(e_.y_zero);
    const Loader residual(e_.residual_scale, e_.residual_zero);
    const V inverse = hn::Set(d, e_.inverse);
    HWY_ALIGN float row[kMostFinishColumns];
    HWY_ALIGN float multipliers[kMostFinishColumns];
    HWY_ALIGN float biases[kMostFinishColumns];
    for (int64_t c = 0; c < columns_; c += kLanes) {
      const int64_t n = columns_ - c < kLanes ? columns_ - c : kLanes;
      hn::Store(per_channel(e_.multiplier, c, n), d, multipliers + c);
      hn::Store(per_channel(e_.real.bias, c, n), d, biases + c);
    }
    for (int m = 0; m < rows_; ++m) {
      int64_t c = 0;
      for (; c < columns_; c += kLanes) {
        V v = hn::Add(hn::Mul(sum(m, c), hn::Load(d, multipliers + c)), hn::Load(d, biases + c));
        if constexpr (kResidual) {
          if (!after) v = hn::Add(v, residual_part(residual, m, c));
        }
        hn::Store(v, d, row + c);
      }
      finish_run<Unfused>(e_.real, row, nullptr, c);
      for (c = 0; c < columns_; c += kLanes) {
        V v = hn::Load(d, row + c);
        if constexpr (kResidual) {
          if (after) v = hn::Add(v, residual_part(residual, m, c));
        }
        v = hn::Mul(v, inverse);
        if (columns_ - c >= kLanes)
          storer.store(v, y_of(m, c));
        else
          storer.store(v, y_of(m, c), columns_ - c);
      }
    }
  }

  HWY_INLINE V sum(int m, int64_t c) const {
    namespace hn = hwy::HWY_NAMESPACE;
    return hn::ConvertTo(D(), hn::LoadU(DI(), sums_ + m * stride_ + c));
  }
  /// Of the tile's channels from c on, n of which exist.
  HWY_INLINE V per_channel(const float* values, int64_t c, int64_t n) const {
    namespace hn = hwy::HWY_NAMESPACE;
    values += t_.column + c;
    if (n == kLanes) return hn::LoadU(D(), values);
    HWY_ALIGN float buffer[kLanes] = {};
    for (int64_t i = 0; i < n; ++i) buffer[i] = values[i];
    return hn::Load(D(), buffer);
  }
  HWY_INLINE Y* y_of(int m, int64_t c) const {
    return reinterpret_cast<Y*>(t_.rows[m].y) + t_.column + c;
  }
  HWY_INLINE const R* residual_of(int m, int64_t c) const {
    return reinterpret_cast<const R*>(t_.rows[m].residual) + t_.column + c;
  }
  HWY_INLINE V residual_part(const Loader& residual, int m, int64_t c) const {
    return columns_ - c >= kLanes ? residual.load(residual_of(m, c))
                                  : residual.load(residual_of(m, c), columns_ - c);
  }

  const QuantizedTile& t_;
  const QuantizedEpilogue& e_;
  const int32_t* sums_;
  int rows_;
  int64_t stride_, columns_;
};

template <typename Y, typename R>
HWY_NOINLINE void finish_quantized_as(const QuantizedTile& t, const int32_t* sums, int rows,
                                      int64_t stride) {
  QuantizedFinish<Y, R>(t, sums, rows, stride).run();
}

template <typename Y>
HWY_INLINE void finish_quantized_to(const QuantizedTile& t, const int32_t* sums, int rows,
                                    int64_t stride) {
  const Epilogue& e = t.epilogue->real;
  if (!e.residual_before && !e.residual_after)
    return finish_quantized_as<Y, NoResidual>(t, sums, rows, stride);
  switch (t.epilogue->residual_type) {
    case DType::kU8:
      return finish_quantized_as<Y, uint8_t>(t, sums, rows, stride);
    case DType::kI8:
      return finish_quantized_as<Y, int8_t>(t, sums, rows, stride);
    default:
      return finish_quantized_as<Y, float>(t, sums, rows, stride);
  }
}

inline void finish_quantized(const QuantizedTile& t, const int32_t* sums, int rows,
                             int64_t stride) {
  switch (t.epilogue->y_type) {
    case DType::kU8:
      return finish_quantized_to<uint8_t>(t, sums, rows, stride);
    case DType::kI8:
      return finish_quantized_to<int8_t>(t, sums, rows, stride);
    default:
      return finish_quantized_to<float>(t, sums, rows, stride);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#endif
