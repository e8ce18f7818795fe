// Arithmetic on numbers that come from a file: false when the result does not fit.
#pragma once

#include <cstdint>

namespace stint {

[[nodiscard]] inline bool checked_add(uint64_t a, uint64_t b, uint64_t* sum) {
  return !__builtin_add_overflow(a, b, sum);
}

[[nodiscard]] inline bool checked_multiply(uint64_t a, uint64_t b, uint64_t* product) {
  return !__builtin_mul_overflow(a, b, product);
}

/// Rounds up to a multiple of `alignment` (a power of two).
[[nodiscard]] inline bool checked_align(uint64_t value, uint64_t alignment, uint64_t* aligned) {
  if (!checked_add(value, alignment - 1, aligned)) return false;
  *aligned &= ~(alignment - 1);
  return true;
}

/// [offset, offset + bytes) lies inside [0, size): by subtraction, so that nothing can wrap.
inline bool range_inside(uint64_t offset, uint64_t bytes, uint64_t size) {
  return offset <= size && bytes <= size - offset;
}

inline bool is_power_of_two(uint64_t value) { return value != 0 && (value & (value - 1)) == 0; }

}  // namespace stint
