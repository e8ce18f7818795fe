#include "host_builder/import/onnx/operators/operator_table.h"

#include <array>

namespace stint::builder {

const OperatorEntry& find_operator(const std::string& domain, const std::string& name,
                                   int64_t opset) {
  if (domain == "com.microsoft") {
    for (const OperatorEntry& entry : kMicrosoftQuantisedOperators)
      if (name == entry.name) return entry;
    // The same operators, from before the standard had all their types.
    if (name == "QuantizeLinear" || name == "DequantizeLinear")
      return find_operator("", name, opset);
  }
  if (!domain.empty() && domain != "ai.onnx") throw refused_operator(domain, name);
  static const std::array lists = {
      &kConvPoolOperators,     &kElementwiseOperators, &kActivationOperators,
      &kShapeOperators,        &kSliceOperators,       &kConstantOperators,
      &kReduceOperators,       &kNormOperators,        &kMatMulOperators,
      &kResizeOperators,       &kDetectionOperators,   &kMaskOperators,
      &kGatherPlacesOperators, &kScatterOperators,     &kEinsumOperators,
      &kAffineGridOperators,   &kSelectOperators,      &kBitOperators,
      &kTrigonometryOperators, &kDeterminantOperators, &kWindowOperators,
      &kQuantisedOperators};
  for (const auto* list : lists) {
    for (const OperatorEntry& entry : *list) {
      if (name != entry.name) continue;
      if (opset >= entry.first_opset && opset <= entry.last_opset) return entry;
      throw Refusal("exists from opset " + std::to_string(entry.first_opset) + " to " +
                        std::to_string(entry.last_opset) + ", the model uses opset " +
                        std::to_string(opset),
                    "convert the model with onnx.version_converter");
    }
  }
  throw refused_operator(domain, name);
}

}  // namespace stint::builder
