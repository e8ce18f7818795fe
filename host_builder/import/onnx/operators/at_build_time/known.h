// What the translations of this folder share. They compute their results while the model is
// imported, from operands that must be known by then: no kernel exists for their operators.
#pragma once

#include "host_builder/import/onnx/node_translation.h"

namespace stint::builder {

/// Operand `i`, which must be a constant.
const Value& known(const NodeTranslation& n, size_t i);

/// The same with 16-bit floats as f32: what arithmetic takes.
const Value& known_wide(NodeTranslation& n, size_t i);

/// A zeroed result, counted before it is allocated.
HostTensor room(NodeTranslation& n, DType dtype, Shape shape);

/// Takes the work from what the model may cost; throws when nothing is left.
void spend(NodeTranslation& n, double multiply_adds);

/// Result `i`, converted to `dtype` where it was computed wider.
void bind_known(NodeTranslation& n, size_t i, HostTensor tensor, DType dtype);

/// Index of the element of an operand that meets element `i` of the broadcast result.
int64_t met_by(int64_t i, const Shape& result, const Shape& operand);

/// Elements of a constant.
template <typename T>
const T* elements(const Value& v) {
  return reinterpret_cast<const T*>(v.constant->data());
}

/// f(T{}) for the C++ type T that holds an element. 16-bit floats have none: see known_wide.
template <typename F>
void with_element_type(const NodeTranslation& n, DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF32:
      return f(float{});
    case DType::kF64:
      return f(double{});
    case DType::kI8:
      return f(int8_t{});
    case DType::kU8:
    case DType::kBool:
      return f(uint8_t{});
    case DType::kI16:
      return f(int16_t{});
    case DType::kU16:
      return f(uint16_t{});
    case DType::kI32:
      return f(int32_t{});
    case DType::kU32:
      return f(uint32_t{});
    case DType::kI64:
      return f(int64_t{});
    case DType::kU64:
      return f(uint64_t{});
    case DType::kF16:
    case DType::kBF16:
      break;
  }
  n.fail("elements of type " + std::string(dtype_name(dtype)) + " are not supported here",
         "cast them to float");
}

/// Whether both are constants of integers, whose product no kernel computes.
bool are_known_integers(NodeTranslation& n, ValueId a, ValueId b);
/// Their product by numpy's rules; integers wrap around.
ValueId integer_product(NodeTranslation& n, ValueId a, ValueId b);

}  // namespace stint::builder
