// Whatever the importer refuses, the user reads what to do.
#include <doctest/doctest.h>

#include "host_builder/import/onnx/operators/operator_table.h"
#include "host_builder/support/refusal.h"
#include "tests/support/onnx_model.h"

namespace stint::builder {
namespace {

static_assert(begins_with_action("export the model for inference"));
static_assert(!begins_with_action("exports the model"));
static_assert(!begins_with_action("export"));
static_assert(ends_with_action("'x' is bad; the axis; give another one"));
static_assert(!ends_with_action("'x' is bad; it is"));
static_assert(!ends_with_action("give another one"));

/// The findings of an error, or the error itself if it has no list.
std::vector<std::string> findings_of(const std::string& error) {
  const std::string mark = "\n  - ";
  std::vector<std::string> findings;
  size_t at = error.find(mark);
  if (at == std::string::npos && !error.empty()) return {error};
  while (at != std::string::npos) {
    const size_t next = error.find(mark, at + 1);
    findings.push_back(error.substr(at + mark.size(), next - at - mark.size()));
    at = next;
  }
  return findings;
}

/// Checks every finding of the refusal; how many there were.
size_t check_refusal(const ModelBuilder& m, const ImportOptions& options = {}) {
  size_t checked = 0;
  for (const std::string& finding : findings_of(m.refusal(options))) {
    CAPTURE(finding);
    CHECK(ends_with_action(finding));
    ++checked;
  }
  return checked;
}

std::vector<std::string> known_operators() {
  std::vector<std::string> names;
  for (const auto* list :
       {&kConvPoolOperators,     &kElementwiseOperators,  &kActivationOperators,
        &kShapeOperators,        &kSliceOperators,        &kConstantOperators,
        &kReduceOperators,       &kNormOperators,         &kMatMulOperators,
        &kResizeOperators,       &kDetectionOperators,    &kMaskOperators,
        &kGatherPlacesOperators, &kScatterOperators,      &kEinsumOperators,
        &kAffineGridOperators,   &kQuantisedOperators,    &kMicrosoftQuantisedOperators,
        &kSelectOperators,       &kTrigonometryOperators, &kBitOperators,
        &kDeterminantOperators,  &kWindowOperators})
    for (const OperatorEntry& entry : *list) names.emplace_back(entry.name);
  for (const char* name : {"If", "Loop", "Scan"}) names.emplace_back(name);
  return names;
}

TEST_CASE(
    "every operator's refusals of odd operands, types, attributes and opsets say what to do") {
  const Shape shapes[] = {{}, {0}, {3}, {1, 4}, {2, 3, 5}, {1, 2, 4, 4}, {1, 1, 2, 1, 3, 1, 1, 2}};
  const int types[] = {onnx::TensorProto::FLOAT, onnx::TensorProto::INT64, onnx::TensorProto::BOOL};
  const char* attributes[] = {
      "axis",       "axes", "kernel_shape", "pads",  "mode",      "strides",   "group",    "perm",
      "to",         "body", "scales",       "split", "blocksize", "auto_pad",  "is_test",  "min",
      "num_groups", "k",    "dilations",    "value", "equation",  "reduction", "direction"};
  size_t refused = 0, round = 0;
  for (const std::string& name : known_operators()) {
    CAPTURE(name);
    for (size_t operands = 0; operands <= 4; ++operands) {
      for (const int64_t opset : {6, 9, 11, 13, 18, 23}) {
        CAPTURE(operands);
        CAPTURE(opset);
        ++round;
        ModelBuilder m(opset);
        std::vector<std::string> names;
        for (size_t i = 0; i < operands; ++i) {
          // Some operands are constants, some inputs, some inputs without elements.
          const std::string operand = "x" + std::to_string(i);
          const Shape& shape = shapes[(round * 5 + i * 3) % std::size(shapes)];
          if ((round + i) % 4 == 0)
            m.integers(operand, {-3, 7});
          else
            m.input(operand, shape, types[(round + i) % std::size(types)]);
          names.push_back(operand);
        }
        m.output("y").node(name, names, {"y", "z"});
        const char* attribute = attributes[round % std::size(attributes)];
        if (round % 3 == 0)
          m.attribute(attribute, int64_t{-77});
        else if (round % 3 == 1)
          m.attribute(attribute, std::vector<int64_t>{1, -1, 9, 0});
        else
          m.attribute(attribute, std::string("odd"));
        refused += check_refusal(m);
        ImportOptions batched;
        batched.batch = 3;
        refused += check_refusal(m, batched);
      }
    }
  }
  CHECK(refused > 3000);  // the table above is made for refusals
}

TEST_CASE("operators that are not there say what to do, by kind") {
  const auto refusal = [](const char* domain, const char* name) {
    const std::string text = refused_operator(domain, name).what();
    CAPTURE(text);
    CHECK(ends_with_action(text));
    return text;
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  for (const char* plugin : {"EfficientNMS_TRT", "BatchedNMS_TRT", "BatchedNMSDynamic_TRT"})
    CHECK(has(refusal("", plugin), "--postprocess"));
  CHECK(has(refusal("mmdeploy", "TRTBatchedNMS"), "--postprocess"));
  CHECK(has(refusal("com.microsoft", "FusedConv"), "before onnxruntime optimised it"));
  CHECK(has(refusal("", "LSTM"), "recurrent"));
  CHECK(has(refusal("", "RotaryEmbedding"), "opset_version=18"));
  for (const char* name : {"SequenceAt", "RandomNormal", "Foo", "GridSample", "ImageDecoder",
                           "SequenceMap", "SoftmaxCrossEntropyLoss"})
    refusal("", name);
}

TEST_CASE("matrices of integers are refused where they would be computed") {
  ModelBuilder m;
  m.input("a", {2, 2}, onnx::TensorProto::INT64).output("y").node("MatMul", {"a", "a"}, {"y"});
  CHECK(m.refusal().find("matrices of type i64") != std::string::npos);
  CHECK(check_refusal(m) == 1);
}

}  // namespace
}  // namespace stint::builder
