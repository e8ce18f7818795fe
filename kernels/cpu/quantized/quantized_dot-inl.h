// acc + sum of u8 x s8 over the four bytes of every 32-bit lane, exact. Included once for every way
// a SIMD target has to compute it (quantized_tiles.cc), so without an include guard:
//   STINT_DOT_PLAIN  with the target's own instructions
//   STINT_DOT_VNNI   x86: vpdpbusd, of AVX-512 or of AVX-VNNI
//   STINT_DOT_NEON   aarch64: sdot
// Types and functions of the namespace: Activations, Weights, spread, split, dot, starting_sums.

namespace hn = hwy::HWY_NAMESPACE;
using DI = hn::ScalableTag<int32_t>;
using VI = hn::Vec<DI>;

HWY_INLINE VI load_quads(const Quad* quads) {
  return hn::BitCast(
      DI(), hn::LoadU(hn::ScalableTag<uint8_t>(), reinterpret_cast<const uint8_t*>(quads)));
}
HWY_INLINE VI spread_quad(const uint8_t* x) {
  int32_t quad;
  std::memcpy(&quad, x, sizeof(quad));
  return hn::Set(DI(), quad);
}

#if defined(STINT_DOT_VNNI)

using Activations = VI;
using Weights = VI;
HWY_INLINE Activations spread(const uint8_t* x) { return spread_quad(x); }
HWY_INLINE Weights split(VI w) { return w; }
HWY_INLINE VI dot(VI acc, Activations x, Weights w) {
#if HWY_TARGET == HWY_AVX3
  return VI{_mm512_dpbusd_epi32(acc.raw, x.raw, w.raw)};
#else
  return VI{_mm256_dpbusd_avx_epi32(acc.raw, x.raw, w.raw)};
#endif
}
HWY_INLINE VI starting_sums(const Quad*) { return hn::Zero(DI()); }

#elif defined(STINT_DOT_NEON) || HWY_TARGET == HWY_NEON

// Activations are lowered by 128 to signed bytes; sums start at 128 times the sum of weights.
using Activations = VI;
using Weights = VI;
HWY_INLINE Activations spread(const uint8_t* x) {
  return hn::Xor(spread_quad(x), hn::Set(DI(), static_cast<int32_t>(0x80808080u)));
}
HWY_INLINE Weights split(VI w) { return w; }
HWY_INLINE VI dot(VI acc, Activations x, Weights w) {
  const int8x16_t a = vreinterpretq_s8_s32(x.raw), b = vreinterpretq_s8_s32(w.raw);
#if defined(STINT_DOT_NEON)
  return VI(vdotq_s32(acc.raw, a, b));
#else
  const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)));
  const int32x4_t high = vpaddlq_s16(vmull_high_s8(a, b));
  return VI(vaddq_s32(acc.raw, vpaddq_s32(low, high)));
#endif
}
HWY_INLINE VI starting_sums(const Quad* sums) { return hn::ShiftLeft<7>(load_quads(sums)); }

#else

// The instruction that multiplies bytes saturates at 16 bits, so bytes 0 and 2 and bytes 1 and 3
// are widened and multiplied in pairs.
struct Pairs {
  hn::Vec<hn::ScalableTag<int16_t>> even, odd;
};
using Activations = Pairs;
using Weights = Pairs;
HWY_INLINE Activations spread(const uint8_t* x) {
  const hn::ScalableTag<int16_t> d;
  const hn::ScalableTag<uint16_t> du;
  const auto quads = hn::BitCast(du, spread_quad(x));
  return {hn::BitCast(d, hn::And(quads, hn::Set(du, 0xFF))),
          hn::BitCast(d, hn::ShiftRight<8>(quads))};
}
HWY_INLINE Weights split(VI w) {
  const hn::ScalableTag<int16_t> d;
  const auto quads = hn::BitCast(d, w);
  return {hn::ShiftRight<8>(hn::ShiftLeft<8>(quads)), hn::ShiftRight<8>(quads)};
}
HWY_INLINE VI dot(VI acc, const Activations& x, const Weights& w) {
#if HWY_TARGET == HWY_AVX3
  const VI even{_mm512_madd_epi16(x.even.raw, w.even.raw)};
  const VI odd{_mm512_madd_epi16(x.odd.raw, w.odd.raw)};
#elif HWY_TARGET == HWY_AVX2
  const VI even{_mm256_madd_epi16(x.even.raw, w.even.raw)};
  const VI odd{_mm256_madd_epi16(x.odd.raw, w.odd.raw)};
#else
  const VI even{_mm_madd_epi16(x.even.raw, w.even.raw)};
  const VI odd{_mm_madd_epi16(x.odd.raw, w.odd.raw)};
#endif
  return hn::Add(acc, hn::Add(even, odd));
}
HWY_INLINE VI starting_sums(const Quad*) { return hn::Zero(DI()); }

#endif
