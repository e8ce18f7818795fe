#include "host_builder/network/scalar_bytes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace stint::builder {
namespace {

template <typename T>
std::vector<std::byte> bytes_of(T element) {
  std::vector<std::byte> bytes(sizeof(T));
  std::memcpy(bytes.data(), &element, sizeof(T));
  return bytes;
}

template <typename T>
std::vector<std::byte> saturated(double value) {
  // The largest 64-bit integers are not doubles: compare with the power of two just above.
  const double above = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (std::isnan(value)) return bytes_of(T{0});
  if (value >= above) return bytes_of(std::numeric_limits<T>::max());
  if (value <= static_cast<double>(std::numeric_limits<T>::lowest()))
    return bytes_of(std::numeric_limits<T>::lowest());
  return bytes_of(static_cast<T>(value));
}

template <typename T>
T read(const std::byte* p) {
  T element;
  std::memcpy(&element, p, sizeof(T));
  return element;
}

}  // namespace

uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  if (std::isnan(value)) return sign | 0x7E00u;
  const float magnitude = std::abs(value);
  if (magnitude == 0.0f) return sign;
  if (magnitude >= 65520.0f) return sign | 0x7C00u;  // halfway to 65536: rounds to infinity
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  // The unit in the last place of the result: 2^-24 for subnormals, 11 bits below the leading one
  // otherwise.
  const int unit = std::max(exponent - 11, -24);
  const double steps = std::nearbyint(std::ldexp(static_cast<double>(magnitude), -unit));
  if (unit == -24)
    return sign | static_cast<uint16_t>(steps);  // a carry into 1024 is the smallest normal number
  const auto mantissa = static_cast<uint32_t>(steps);  // 1024..2048
  return sign | static_cast<uint16_t>((static_cast<uint32_t>(unit + 24) << 10) + mantissa);
}

float half_to_float(uint16_t half) {
  const float sign = half & 0x8000u ? -1.0f : 1.0f;
  const int exponent = (half >> 10) & 0x1F, mantissa = half & 0x3FF;
  if (exponent == 31) {
    return mantissa ? std::numeric_limits<float>::quiet_NaN()
                    : sign * std::numeric_limits<float>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
}

std::vector<std::byte> scalar_bytes(DType dtype, double value) {
  switch (dtype) {
    case DType::kF32:
      return bytes_of(static_cast<float>(value));
    case DType::kF64:
      return bytes_of(value);
    case DType::kF16:
      return bytes_of(float_to_half(static_cast<float>(value)));
    case DType::kBF16: {
      const auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
      const uint32_t rounding = 0x7FFFu + ((bits >> 16) & 1u);
      return bytes_of(static_cast<uint16_t>(std::isnan(value) ? 0x7FC0u : (bits + rounding) >> 16));
    }
    case DType::kI8:
      return saturated<int8_t>(value);
    case DType::kU8:
      return saturated<uint8_t>(value);
    case DType::kI16:
      return saturated<int16_t>(value);
    case DType::kU16:
      return saturated<uint16_t>(value);
    case DType::kI32:
      return saturated<int32_t>(value);
    case DType::kU32:
      return saturated<uint32_t>(value);
    case DType::kI64:
      return saturated<int64_t>(value);
    case DType::kU64:
      return saturated<uint64_t>(value);
    case DType::kBool:
      return bytes_of(static_cast<uint8_t>(value != 0.0));
  }
  return {};
}

double scalar_from_bytes(DType dtype, const std::byte* p) {
  switch (dtype) {
    case DType::kF32:
      return read<float>(p);
    case DType::kF64:
      return read<double>(p);
    case DType::kF16:
      return half_to_float(read<uint16_t>(p));
    case DType::kBF16:
      return std::bit_cast<float>(static_cast<uint32_t>(read<uint16_t>(p)) << 16);
    case DType::kI8:
      return read<int8_t>(p);
    case DType::kU8:
    case DType::kBool:
      return read<uint8_t>(p);
    case DType::kI16:
      return read<int16_t>(p);
    case DType::kU16:
      return read<uint16_t>(p);
    case DType::kI32:
      return read<int32_t>(p);
    case DType::kU32:
      return read<uint32_t>(p);
    case DType::kI64:
      return static_cast<double>(read<int64_t>(p));
    case DType::kU64:
      return static_cast<double>(read<uint64_t>(p));
  }
  return 0;
}

}  // namespace stint::builder
