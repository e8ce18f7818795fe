// Numbers as 8-bit integers that the network itself asks for (what the builder decides by itself is
// Value::quant).
#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

constexpr ValueRule kBytes = {{DType::kI8, DType::kU8}, {}};

void check_attributes(const InferenceContext& c) {
  const auto& a = c.as<QuantizeAttributes>();
  c.require(a.scale > 0.0f && a.scale <= 3.4e38f, "the scale must be positive and finite");
}

Types infer_quantize(const InferenceContext& c) {
  check_attributes(c);
  return {{c.declared_output().dtype, c.shape(0)}};
}

Types infer_dequantize(const InferenceContext& c) {
  check_attributes(c);
  return {{DType::kF32, c.shape(0)}};
}

std::string print_quantize(const Attributes& attributes) {
  const auto& a = std::get<QuantizeAttributes>(attributes);
  return Words().add("scale", a.scale).add("zero_point", int64_t{a.zero_point}).text();
}

}  // namespace

constinit const OpDef ops::kQuantize = {
    .name = "Quantize",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<QuantizeAttributes>,
    .types = {exactly(DType::kF32), kBytes},
    .infer = infer_quantize,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::elementwise(),
    .batch = BatchRule::keeps_element_order(),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_quantize,
};

constinit const OpDef ops::kDequantize = {
    .name = "Dequantize",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<QuantizeAttributes>,
    .types = {kBytes, exactly(DType::kF32)},
    .infer = infer_dequantize,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::elementwise(),
    .batch = BatchRule::keeps_element_order(),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_quantize,
};

}  // namespace stint::builder
