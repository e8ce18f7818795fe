#include "kernels/cpu/element_blocks.h"

#include <type_traits>

#include "plan_schema/half.h"

namespace stint::cpu {
namespace {

struct Bool {
  uint8_t value;
};

template <typename To, typename From>
To saturate(From v) {
  if (v != v) return 0;
  // 2^(value bits) is exact in floating point, the type's maximum may not be.
  constexpr From kBelowMax =
      static_cast<From>(static_cast<To>(1) << (sizeof(To) * 8 - 1 - std::is_signed_v<To>)) * 2;
  constexpr To kLowest =
      std::is_signed_v<To> ? static_cast<To>(To{1} << (sizeof(To) * 8 - 1)) : To{0};
  if (v >= kBelowMax) return static_cast<To>(~kLowest);
  if (std::is_signed_v<To> ? v < -kBelowMax : v <= From{-1}) return kLowest;
  return static_cast<To>(v);
}

template <typename C, typename S>
C load(S s) {
  if constexpr (std::is_same_v<S, F16> || std::is_same_v<S, BF16>) {
    return load<C>(to_float(s));
  } else if constexpr (std::is_same_v<S, Bool>) {
    return static_cast<C>(s.value != 0);
  } else if constexpr (std::is_floating_point_v<S> && std::is_integral_v<C>) {
    return saturate<C>(s);
  } else {
    return static_cast<C>(s);
  }
}

template <typename S, typename C>
S store(C v) {
  if constexpr (std::is_same_v<S, Bool>) {
    return {static_cast<uint8_t>(v != C{0})};
  } else if constexpr (std::is_same_v<S, F16>) {
    if constexpr (std::is_same_v<C, double>)
      return to_f16(to_float_odd(v));
    else
      return to_f16(static_cast<float>(v));
  } else if constexpr (std::is_same_v<S, BF16>) {
    if constexpr (std::is_same_v<C, double>)
      return to_bf16(to_float_odd(v));
    else
      return to_bf16(static_cast<float>(v));
  } else if constexpr (std::is_integral_v<S> && std::is_floating_point_v<C>) {
    return saturate<S>(v);
  } else {
    return static_cast<S>(v);
  }
}

template <typename S, typename C>
void load_as(const void* data, int64_t offset, int64_t stride, int64_t n, C* out) {
  const S* from = static_cast<const S*>(data) + offset;
  if (stride == 1) {
    for (int64_t i = 0; i < n; ++i) out[i] = load<C>(from[i]);
  } else if (stride == 0) {
    const C value = load<C>(*from);
    for (int64_t i = 0; i < n; ++i) out[i] = value;
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = load<C>(from[i * stride]);
  }
}

template <typename S, typename C>
void store_as(void* data, int64_t offset, int64_t stride, int64_t n, const C* in) {
  S* to = static_cast<S*>(data) + offset;
  if (stride == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = store<S>(in[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * stride] = store<S>(in[i]);
  }
}

template <typename C>
constexpr DType kOwnType = std::is_same_v<C, float>     ? DType::kF32
                           : std::is_same_v<C, double>  ? DType::kF64
                           : std::is_same_v<C, int64_t> ? DType::kI64
                                                        : DType::kU64;

}  // namespace

template <typename C>
void load_block(DType dtype, const void* data, int64_t offset, int64_t stride, int64_t n, C* out) {
  switch (dtype) {
    case DType::kF32:
      return load_as<float>(data, offset, stride, n, out);
    case DType::kF16:
      return load_as<F16>(data, offset, stride, n, out);
    case DType::kF64:
      return load_as<double>(data, offset, stride, n, out);
    case DType::kBF16:
      return load_as<BF16>(data, offset, stride, n, out);
    case DType::kI8:
      return load_as<int8_t>(data, offset, stride, n, out);
    case DType::kU8:
      return load_as<uint8_t>(data, offset, stride, n, out);
    case DType::kI16:
      return load_as<int16_t>(data, offset, stride, n, out);
    case DType::kU16:
      return load_as<uint16_t>(data, offset, stride, n, out);
    case DType::kI32:
      return load_as<int32_t>(data, offset, stride, n, out);
    case DType::kU32:
      return load_as<uint32_t>(data, offset, stride, n, out);
    case DType::kI64:
      return load_as<int64_t>(data, offset, stride, n, out);
    case DType::kU64:
      return load_as<uint64_t>(data, offset, stride, n, out);
    case DType::kBool:
      return load_as<Bool>(data, offset, stride, n, out);
  }
}

template <typename C>
void store_block(DType dtype, void* data, int64_t offset, int64_t stride, int64_t n, const C* in) {
  switch (dtype) {
    case DType::kF32:
      return store_as<float>(data, offset, stride, n, in);
    case DType::kF16:
      return store_as<F16>(data, offset, stride, n, in);
    case DType::kF64:
      return store_as<double>(data, offset, stride, n, in);
    case DType::kBF16:
      return store_as<BF16>(data, offset, stride, n, in);
    case DType::kI8:
      return store_as<int8_t>(data, offset, stride, n, in);
    case DType::kU8:
      return store_as<uint8_t>(data, offset, stride, n, in);
    case DType::kI16:
      return store_as<int16_t>(data, offset, stride, n, in);
    case DType::kU16:
      return store_as<uint16_t>(data, offset, stride, n, in);
    case DType::kI32:
      return store_as<int32_t>(data, offset, stride, n, in);
    case DType::kU32:
      return store_as<uint32_t>(data, offset, stride, n, in);
    case DType::kI64:
      return store_as<int64_t>(data, offset, stride, n, in);
    case DType::kU64:
      return store_as<uint64_t>(data, offset, stride, n, in);
    case DType::kBool:
      return store_as<Bool>(data, offset, stride, n, in);
  }
}

template <typename C>
const C* block_of(DType dtype, const void* data, int64_t offset, int64_t stride, int64_t n,
                  C* buffer) {
  if (dtype == kOwnType<C> && stride == 1) return static_cast<const C*>(data) + offset;
  load_block(dtype, data, offset, stride, n, buffer);
  return buffer;
}

#define STINT_INSTANTIATE(C)                                                       \
  template void load_block<C>(DType, const void*, int64_t, int64_t, int64_t, C*);  \
  template void store_block<C>(DType, void*, int64_t, int64_t, int64_t, const C*); \
  template const C* block_of<C>(DType, const void*, int64_t, int64_t, int64_t, C*);
STINT_INSTANTIATE(float)
STINT_INSTANTIATE(double)
STINT_INSTANTIATE(int64_t)
STINT_INSTANTIATE(uint64_t)
#undef STINT_INSTANTIATE

}  // namespace stint::cpu
