#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/preprocess_block.cc"
#include "kernels/cpu/simd_dispatch.h"

#include <cstring>

#include "kernels/cpu/nan_keeping-inl.h"
#include "kernels/cpu/preprocess_block.h"

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

HWY_INLINE V load_bytes(D d, const uint8_t* p) {
  const hn::Rebind<uint8_t, D> bytes;
  const hn::Rebind<int32_t, D> ints;
  return hn::ConvertTo(d, hn::PromoteTo(ints, hn::Load(bytes, p)));
}

HWY_INLINE V sample(D d, const BilinearTaps& taps, int32_t i, V wx, V wy) {
  const V tl = load_bytes(d, taps.top_left + i), tr = load_bytes(d, taps.top_right + i);
  const V bl = load_bytes(d, taps.bottom_left + i), br = load_bytes(d, taps.bottom_right + i);
  const V top = hn::MulAdd(hn::Sub(tr, tl), wx, tl);
  const V bottom = hn::MulAdd(hn::Sub(br, bl), wx, bl);
  return hn::MulAdd(hn::Sub(bottom, top), wy, top);
}

HWY_INLINE V normalise(D d, V x, const PreprocessBlock& b, int channel) {
  x = clamp(d, x, hn::Zero(d), hn::Set(d, 255.0f));
  return hn::Mul(hn::Sub(x, hn::Set(d, b.mean[channel])), hn::Set(d, b.scale[channel]));
}

HWY_INLINE V mix(D d, const ChannelMix& m, V x, V y, V z) {
  V v = hn::MulAdd(hn::Set(d, m.m[0]), x, hn::Set(d, m.offset));
  v = hn::MulAdd(hn::Set(d, m.m[1]), y, v);
  return hn::MulAdd(hn::Set(d, m.m[2]), z, v);
}

/// To whole numbers in 0..255, halves to the even one; at most a vector's length beyond `count`.
void round_to_bytes(const float* from, int32_t count, uint8_t* to) {
  const D d;
  const hn::Rebind<uint8_t, D> bytes;
  for (int32_t i = 0; i < count; i += static_cast<int32_t>(hn::Lanes(d)))
    hn::Store(hn::DemoteTo(bytes, hn::NearestInt(hn::Load(d, from + i))), bytes, to + i);
}

template <typename T>
void store_row(const PreprocessBlock& b, const T* row) {
  auto* out = static_cast<T*>(b.out);
  if (b.pixel_stride == b.channels) {
    std::memcpy(out, row,
                sizeof(T) * static_cast<size_t>(b.count) * static_cast<size_t>(b.channels));
    return;
  }
  for (int32_t i = 0; i < b.count; ++i) {
    for (int32_t c = 0; c < b.channels; ++c) out[i * b.pixel_stride + c] = row[i * b.channels + c];
  }
}
}  // namespace

void preprocess_block_store(const PreprocessBlock& b) {
  const D d;
  const int32_t lanes = static_cast<int32_t>(hn::Lanes(d));
  alignas(64) float row[3 * kPreprocessBlock];
  for (int32_t i = 0; i < b.count; i += lanes) {
    const V zero = hn::Zero(d);
    V c[3] = {zero, zero, zero};
    for (int k = 0; k < b.components; ++k) {
      c[k] = sample(d, b.taps[k], i, hn::Load(d, b.weight_x[k] + i), hn::Set(d, b.weight_y[k]));
    }
    if (b.channels == 1) {
      hn::Store(normalise(d, mix(d, b.mix[0], c[0], c[1], c[2]), b, 0), d, row + i);
    } else {
      hn::StoreInterleaved3(normalise(d, mix(d, b.mix[0], c[0], c[1], c[2]), b, 0),
                            normalise(d, mix(d, b.mix[1], c[0], c[1], c[2]), b, 1),
                            normalise(d, mix(d, b.mix[2], c[0], c[1], c[2]), b, 2), d, row + 3 * i);
    }
  }
  if (!b.is_u8) return store_row(b, row);
  alignas(64) uint8_t bytes[3 * kPreprocessBlock];
  round_to_bytes(row, b.count * b.channels, bytes);
  store_row(b, bytes);
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stint::cpu {
void store_preprocess_block(const PreprocessBlock& block) {
  STINT_SIMD(preprocess_block_store)(block);
}
}  // namespace stint::cpu
#endif
