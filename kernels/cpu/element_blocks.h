// Elements of any type, a block at a time, converted to one of four types to compute in. So an
// operation is written four times at most and not once per element type.
#pragma once

#include <cstdint>

#include "kernels/cpu/kernel.h"

namespace stint::cpu {

/// float: f32, f16, bf16. double: f64. int64_t: all integers and bool, exact modulo their width.
/// uint64_t: u64.
enum class ComputeType : uint8_t { kFloat, kDouble, kInt, kUnsigned };

constexpr ComputeType compute_type(DType t) {
  switch (t) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
      return ComputeType::kFloat;
    case DType::kF64:
      return ComputeType::kDouble;
    case DType::kU64:
      return ComputeType::kUnsigned;
    default:
      return ComputeType::kInt;
  }
}

/// Type that two operands of different types are computed in.
constexpr ComputeType common_type(ComputeType a, ComputeType b) {
  if (a == b) return a;
  const bool a_floats = a == ComputeType::kFloat || a == ComputeType::kDouble;
  const bool b_floats = b == ComputeType::kFloat || b == ComputeType::kDouble;
  return a_floats || b_floats ? ComputeType::kDouble : ComputeType::kUnsigned;
}

inline constexpr int64_t kBlock = 256;  // elements: three operands of 8 bytes stay in L1

/// Reads n elements, `stride` apart, starting `offset` elements after `data`. C is one of the four
/// compute types.
template <typename C>
void load_block(DType dtype, const void* data, int64_t offset, int64_t stride, int64_t n, C* out);

/// Writes n elements. Floating point to integer truncates and saturates, NaN becomes 0; integers
/// wrap; anything but 0 becomes true; 16-bit floats are rounded to nearest even.
template <typename C>
void store_block(DType dtype, void* data, int64_t offset, int64_t stride, int64_t n, const C* in);

/// As load_block, but without a copy where the elements already lie as C side by side.
template <typename C>
const C* block_of(DType dtype, const void* data, int64_t offset, int64_t stride, int64_t n,
                  C* buffer);

/// Calls f with a value of the compute type: f(float{}), f(double{}), ...
template <typename F>
void with_type(ComputeType type, F&& f) {
  switch (type) {
    case ComputeType::kFloat:
      return f(float{});
    case ComputeType::kDouble:
      return f(double{});
    case ComputeType::kInt:
      return f(int64_t{});
    case ComputeType::kUnsigned:
      return f(uint64_t{});
  }
}

}  // namespace stint::cpu
