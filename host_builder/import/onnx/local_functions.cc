#include "host_builder/import/onnx/local_functions.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>

namespace stint::builder {
namespace {

// Fields that came to ONNX after the schema this is compiled with (distributions ship old ones).
// They are then among a message's unknown fields.
constexpr int kNodeOverload = 8, kFunctionAttributeProto = 11, kFunctionOverload = 13;

/// Calls f(bytes) for every value of a string or message field.
template <typename F>
void for_each_late(const google::protobuf::Message& message, int number, F f) {
  const auto* field = message.GetDescriptor()->FindFieldByNumber(number);
  const auto* reflection = message.GetReflection();
  if (field == nullptr) {
    const auto& unknown = reflection->GetUnknownFields(message);
    for (int i = 0; i < unknown.field_count(); ++i) {
      const auto& value = unknown.field(i);
      if (value.number() == number &&
          value.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
        f(value.length_delimited());
    }
  } else if (field->is_repeated()) {
    for (int i = 0; i < reflection->FieldSize(message, field); ++i)
      f(reflection->GetRepeatedMessage(message, field, i).SerializeAsString());
  } else if (reflection->HasField(message, field)) {
    f(reflection->GetString(message, field));
  }
}

std::string late_text(const google::protobuf::Message& message, int number) {
  std::string text;
  for_each_late(message, number, [&](const std::string& value) { text = value; });
  return text;
}

std::string plain_domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

}  // namespace

std::string function_text(const onnx::FunctionProto& function) {
  const std::string overload = late_text(function, kFunctionOverload);
  return (function.domain().empty() ? "" : function.domain() + ".") + function.name() +
         (overload.empty() ? "" : ":" + overload);
}

LocalFunctions::LocalFunctions(const onnx::ModelProto& model, NetworkFindings& findings) {
  for (const auto& function : model.functions()) {
    const bool is_new = functions_
                            .emplace(std::tuple(plain_domain(function.domain()), function.name(),
                                                late_text(function, kFunctionOverload)),
                                     &function)
                            .second;
    if (!is_new) {
      findings.add("function '" + function_text(function) + "'",
                   Refusal("the model has two functions of this name",
                           "remove one of them, or export the model again"));
    }
  }
}

const onnx::FunctionProto* LocalFunctions::find(const onnx::NodeProto& node) const {
  if (functions_.empty()) return nullptr;
  const auto found = functions_.find(
      std::tuple(plain_domain(node.domain()), node.op_type(), late_text(node, kNodeOverload)));
  return found == functions_.end() ? nullptr : found->second;
}

FunctionCall::FunctionCall(const onnx::FunctionProto& callee, const onnx::NodeProto& node,
                           const FunctionCall* from)
    : function(&callee), caller(from) {
  for_each_late(callee, kFunctionAttributeProto, [&](const std::string& bytes) {
    onnx::AttributeProto fallback;
    if (fallback.ParseFromString(bytes)) attributes[fallback.name()] = fallback;
  });
  for (const auto& attribute : node.attribute()) attributes[attribute.name()] = attribute;
  for (int i = 0; i < callee.input_size(); ++i) {
    if (i >= node.input_size() || node.input(i).empty()) absent.insert(callee.input(i));
  }
}

bool FunctionCall::concerns(const onnx::NodeProto& node) const {
  return std::any_of(node.attribute().begin(), node.attribute().end(),
                     [](const auto& attribute) { return !attribute.ref_attr_name().empty(); }) ||
         std::any_of(node.input().begin(), node.input().end(),
                     [&](const std::string& name) { return absent.count(name) != 0; });
}

onnx::NodeProto FunctionCall::substitute(const onnx::NodeProto& node) const {
  onnx::NodeProto result = node;
  result.clear_attribute();
  for (const auto& attribute : node.attribute()) {
    if (attribute.ref_attr_name().empty()) {
      *result.add_attribute() = attribute;
      continue;
    }
    const auto given = attributes.find(attribute.ref_attr_name());
    if (given == attributes.end()) continue;
    if (given->second.has_g() || given->second.graphs_size() > 0) {
      throw Refusal("attribute '" + attribute.name() +
                        "' is a subgraph that the caller of function '" + function_text(*function) +
                        "' gives, which is not supported",
                    "export the model without functions (onnx.inliner.inline_local_functions)");
    }
    auto* copy = result.add_attribute();
    *copy = given->second;
    copy->set_name(attribute.name());
  }
  for (auto& name : *result.mutable_input())
    if (absent.count(name) != 0) name.clear();
  return result;
}

bool FunctionCall::is_active(const FunctionCall* call, const onnx::FunctionProto& function) {
  for (; call != nullptr; call = call->caller)
    if (call->function == &function) return true;
  return false;
}

}  // namespace stint::builder
