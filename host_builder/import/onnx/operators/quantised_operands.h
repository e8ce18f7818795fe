// What translations of quantised operators share.
#pragma once

#include <functional>

#include "host_builder/import/onnx/node_translation.h"
#include "host_builder/network/quantisation.h"

namespace stint::builder {

/// Scale and zero point (which may be absent) among the operands.
QuantOperands quant_operands(const NodeTranslation& n, size_t scale, size_t zero_point);

/// Throws Refusal for a type that nothing is quantised to.
void require_integers(const NodeTranslation& n, DType dtype);

struct DynamicQuantisation {
  ValueId y = kNoValue, scale = kNoValue, zero_point = kNoValue;
};
/// u8, with scale and zero point made of the least and the largest number, 0 included.
DynamicQuantisation quantised_by_own_range(NetworkBuilder& net, ValueId x);

/// The operand's integers less their zero point (operand `zero_point`, which may be absent; several
/// along `axis`), as f32: -255 to 255.
ValueId without_zero_point(NodeTranslation& n, size_t operand, size_t zero_point, int64_t axis);

/// The i32 product of two such operands with `terms` terms a sum, exact, although f32 holds 24
/// bits: where a sum could be longer, operands are cut into digits that are multiplied by
/// themselves.
ValueId exact_product(NetworkBuilder& net, ValueId a, ValueId b, int64_t terms,
                      const std::function<ValueId(ValueId, ValueId)>& product);

}  // namespace stint::builder
