// Which types an operation's operands and results may have, and how those that mean f32 may be
// stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "plan_schema/types.h"

namespace stint::builder {

/// A set of element types.
class TypeSet {
 public:
  constexpr TypeSet() = default;
  constexpr TypeSet(std::initializer_list<DType> types) {
    for (const DType type : types) bits_ |= 1u << static_cast<uint32_t>(type);
  }
  static constexpr TypeSet all() {
    TypeSet set;
    set.bits_ = (1u << kDTypeCount) - 1;
    return set;
  }
  constexpr bool has(DType type) const {
    return ((bits_ >> static_cast<uint32_t>(type)) & 1u) != 0;
  }
  /// "f32 or f16"
  std::string text() const;

 private:
  uint32_t bits_ = 0;
};

/// One operand or result.
struct ValueRule {
  TypeSet types;   // in the graph's semantics (Graph::meaning)
  TypeSet stored;  // f32 numbers lie in memory as one of these, once that is decided
                   // (Graph::mixed_precision). Constants as they like: families pack them
};

/// Numbers of any type (where no kernel implements it, lowering refuses with advice for the user).
/// Kernels compute with f32 ones in f32, whatever they are stored as.
inline constexpr ValueRule kNumbers = {TypeSet::all(), {DType::kF32, DType::kF16}};
/// The same of operations with kernels that read and write 8-bit integers as numbers
/// (Value::quant). Those that only move numbers demand one quantisation of operand and result.
inline constexpr ValueRule kQuantizable = {TypeSet::all(),
                                           {DType::kF32, DType::kF16, DType::kI8, DType::kU8}};
inline constexpr ValueRule kIndices = {{DType::kI32, DType::kI64}, {}};
inline constexpr ValueRule kCondition = {{DType::kBool}, {}};
/// Of results: always this type.
constexpr ValueRule exactly(DType type) {
  return {{type}, type == DType::kF32 ? TypeSet{DType::kF32, DType::kF16} : TypeSet{}};
}

/// The rules of some operands or results. The last is that of all beyond.
class ValueRules {
 public:
  template <typename... Rest>
  constexpr ValueRules(ValueRule first, Rest... rest)
      : rules_{first, rest...}, count_(1 + sizeof...(rest)) {
    static_assert(1 + sizeof...(rest) <= kMost, "raise kMost");
  }
  static constexpr ValueRules none() { return ValueRules(); }

  const ValueRule& at(size_t i) const { return rules_[i < count_ ? i : count_ - 1]; }
  size_t count() const { return count_; }

 private:
  static constexpr size_t kMost = 5;
  constexpr ValueRules() = default;

  ValueRule rules_[kMost] = {};
  size_t count_ = 0;
};

struct TypeRule {
  constexpr TypeRule(ValueRules of_operands, ValueRules of_results)
      : operands(of_operands), results(of_results) {}

  ValueRules operands, results;
};

}  // namespace stint::builder
