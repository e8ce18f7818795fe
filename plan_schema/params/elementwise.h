// One element-wise operation on any type: y = op(a[, b[, c]]), numpy broadcasting to y's shape.
#pragma once

#include <cstdint>

#include "plan_schema/types.h"

namespace stint {

struct ElementwiseParams {
  EltOp op = EltOp::kCopy;
  uint8_t reserved[3] = {};
  float alpha = 0.0f;  // kClip: lowest; kIsInf: not 0 to detect +inf
  float beta = 0.0f;   // kClip: highest; kIsInf: not 0 to detect -inf; kSelu: gamma
};
static_assert(sizeof(ElementwiseParams) == 12);

/// Operands of an operation; 0 for a value outside the enumeration.
constexpr int elt_operands(EltOp op) {
  const auto i = static_cast<uint8_t>(op);
  if (i <= static_cast<uint8_t>(EltOp::kSoftsign)) return 1;
  if (i >= static_cast<uint8_t>(EltOp::kClip) && i <= static_cast<uint8_t>(EltOp::kTan)) return 1;
  if (i >= static_cast<uint8_t>(EltOp::kAdd) && i <= static_cast<uint8_t>(EltOp::kBitXor)) return 2;
  return op == EltOp::kWhere ? 3 : 0;
}

constexpr bool is_float(DType t) {
  return t == DType::kF32 || t == DType::kF16 || t == DType::kF64 || t == DType::kBF16;
}

/// Whether the operation has a meaning on numbers of this kind (computed as floating point, or as
/// integers).
constexpr bool elt_defined(EltOp op, bool floating) {
  switch (op) {
    case EltOp::kBitNot:
    case EltOp::kBitAnd:
    case EltOp::kBitOr:
    case EltOp::kBitXor:
      return !floating;
    case EltOp::kCopy:
    case EltOp::kNeg:
    case EltOp::kAbs:
    case EltOp::kFloor:
    case EltOp::kCeil:
    case EltOp::kRound:
    case EltOp::kRelu:
    case EltOp::kNot:
    case EltOp::kSign:
    case EltOp::kIsNan:
    case EltOp::kIsInf:
    case EltOp::kClip:
    case EltOp::kAdd:
    case EltOp::kSub:
    case EltOp::kMul:
    case EltOp::kDiv:
    case EltOp::kPow:
    case EltOp::kMin:
    case EltOp::kMax:
    case EltOp::kPRelu:
    case EltOp::kEqual:
    case EltOp::kLess:
    case EltOp::kLessOrEqual:
    case EltOp::kGreater:
    case EltOp::kGreaterOrEqual:
    case EltOp::kAnd:
    case EltOp::kOr:
    case EltOp::kXor:
    case EltOp::kMod:
    case EltOp::kFMod:
    case EltOp::kWhere:
      return true;
    default:
      return floating && elt_operands(op) > 0;
  }
}

}  // namespace stint
