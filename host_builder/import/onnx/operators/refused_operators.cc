// Operators that are not translated: why, and what to do instead.
#include <algorithm>
#include <string_view>
#include <vector>

#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

struct RefusedGroup {
  const char* reason;
  Action action;
  std::vector<std::string_view> operators;
};

constexpr Action kReplaceOrCut =
    "replace it by other operators at the export, or cut the model there "
    "(onnx.utils.extract_model) and compute the rest in your program";
constexpr Action kOlderOpset =
    "export with an older opset (opset_version=18), which writes it as operators that are";

/// Operators that users meet and that have a better answer than "unknown".
const std::vector<RefusedGroup>& refused_groups() {
  static const std::vector<RefusedGroup> groups = {
      {"a loop over a sequence cannot be planned",
       "export the model without sequences",
       {"SequenceMap"}},
      {"images are decoded before the network runs",
       "cut the model behind it (onnx.utils.extract_model) and give it pixels",
       {"ImageDecoder"}},
      {"strings, sequences, optionals and maps are not tensors",
       "remove it from the model, or cut the model there (onnx.utils.extract_model)",
       {"StringNormalizer", "StringConcat", "StringSplit", "RegexFullMatch", "TfIdfVectorizer",
        "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert",
        "SequenceLength", "SplitToSequence", "ConcatFromSequence", "Optional", "OptionalGetElement",
        "OptionalHasElement", "LabelEncoder", "ZipMap"}},
      {"recurrent networks are not supported",
       "use a variant of the model with a convolutional or attention head, or cut the model before "
       "it (onnx.utils.extract_model) and run the recurrent layers in your program",
       {"RNN", "LSTM", "GRU"}},
      {"random numbers are not supported: a plan gives the same result for the same input",
       kExportForInference,
       {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli",
        "Multinomial"}},
      {"losses are for training",
       kExportForInference,
       {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}},
      {"the operator of opset 23 and later is not supported yet",
       kOlderOpset,
       {"Attention", "RotaryEmbedding", "LinearAttention", "CausalConvWithState", "TensorScatter"}},
  };
  return groups;
}

/// Detectors that are exported for TensorRT end with one of these.
bool is_nms_plugin(std::string_view name) {
  return name.find("NMS") != std::string_view::npos ||
         name.find("NonMaxSuppression") != std::string_view::npos ||
         name.find("DetectionOutput") != std::string_view::npos;
}

Refusal foreign_operator(const std::string& domain, const std::string& name) {
  const std::string found = "operators of domain '" + domain + "' are not supported";
  if (is_nms_plugin(name)) {
    return Refusal(found,
                   "export the model without it and compile the decoder into the plan, e.g. "
                   "--postprocess yolov8 (stint build --help lists the decoders)");
  }
  if (domain == "com.microsoft" || domain.rfind("com.ms.", 0) == 0) {
    return Refusal(found + ": onnxruntime's optimiser writes them",
                   "give the model as it was before onnxruntime optimised it, or export it again "
                   "with standard ONNX operators");
  }
  return Refusal(found + " and the model brings no function of this name",
                 "export the model with standard ONNX operators, or store the operator as a model "
                 "function");
}

}  // namespace

Refusal refused_operator(const std::string& domain, const std::string& name) {
  if (!domain.empty() && domain != "ai.onnx") return foreign_operator(domain, name);
  for (const RefusedGroup& group : refused_groups()) {
    if (std::find(group.operators.begin(), group.operators.end(), name) != group.operators.end())
      return Refusal(group.reason, group.action);
  }
  // TensorRT's plugins stand in the standard domain.
  if (is_nms_plugin(name)) {
    return Refusal("non-maximum suppression as a plugin of another engine is not supported",
                   "export the model without it and compile the decoder into the plan, e.g. "
                   "--postprocess yolov8 (stint build --help lists the decoders)");
  }
  return Refusal("the operator is not supported", kReplaceOrCut);
}

}  // namespace stint::builder
