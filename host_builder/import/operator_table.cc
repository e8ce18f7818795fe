#include "host_builder/import/operator_table.h"

#include <array>
#include <cstring>

namespace stint::builder {
namespace {

struct RefusedGroup {
  const char* reason;
  std::vector<const char*> operators;
};

/// Operators that users meet and that have a better answer than "unknown".
const std::vector<RefusedGroup>& refused_groups() {
  static const std::vector<RefusedGroup> groups = {
      {"quantised ONNX is not supported yet; export the FP32 model",
       {"QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger",
        "MatMulInteger", "DynamicQuantizeLinear"}},
      {"control flow with data-dependent branches cannot be planned; export the model without it",
       {"If", "Loop", "Scan", "SequenceMap"}},
      {"the extent of its result depends on data, and every shape in a plan is static",
       {"NonZero", "Unique", "Compress", "ImageDecoder"}},
      {"strings, sequences, optionals and maps are not tensors; remove it from the model",
       {"StringNormalizer", "StringConcat", "StringSplit", "RegexFullMatch", "TfIdfVectorizer",
        "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert",
        "SequenceLength", "SplitToSequence", "ConcatFromSequence", "Optional", "OptionalGetElement",
        "OptionalHasElement", "LabelEncoder", "ZipMap"}},
      {"recurrent networks are not supported", {"RNN", "LSTM", "GRU"}},
      {"random numbers are not supported: a plan gives the same result for the same input",
       {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli",
        "Multinomial"}},
  };
  return groups;
}

const char* refusal(const std::string& name) {
  for (const RefusedGroup& group : refused_groups()) {
    for (const char* refused : group.operators) {
      if (name == refused) return group.reason;
    }
  }
  return nullptr;
}

}  // namespace

const OperatorEntry* find_operator(const std::string& domain, const std::string& name,
                                   int64_t opset, std::string& reason) {
  if (!domain.empty() && domain != "ai.onnx") {
    reason = "operators of domain '" + domain +
             "' are not supported; export the model with standard ONNX operators";
    return nullptr;
  }
  static const std::array<const std::vector<OperatorEntry>*, 11> lists = {
      &kConvPoolOperators, &kElementwiseOperators, &kActivationOperators, &kShapeOperators,
      &kSliceOperators,    &kConstantOperators,    &kReduceOperators,     &kNormOperators,
      &kMatMulOperators,   &kResizeOperators,      &kDetectionOperators};
  for (const auto* list : lists) {
    for (const OperatorEntry& entry : *list) {
      if (name != entry.name) continue;
      if (opset >= entry.first_opset && opset <= entry.last_opset) return &entry;
      reason = "exists from opset " + std::to_string(entry.first_opset) + " to " +
               std::to_string(entry.last_opset) + ", the model uses opset " + std::to_string(opset);
      return nullptr;
    }
  }
  const char* known = refusal(name);
  reason = known ? known : "the operator is not supported";
  return nullptr;
}

}  // namespace stint::builder
