// Functions that a model brings along (ModelProto.functions), and what a call hands to one.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <set>
#include <string>
#include <tuple>

#include "host_builder/network/findings.h"

namespace stint::builder {

/// A function as its users name it: "domain.name", with ":overload" where it has one.
std::string function_text(const onnx::FunctionProto& function);

class LocalFunctions {
 public:
  /// Keeps pointers into the model. Two functions of one name are a finding.
  LocalFunctions(const onnx::ModelProto& model, NetworkFindings& findings);

  /// The function that the node calls; null if it calls none of the model's.
  const onnx::FunctionProto* find(const onnx::NodeProto& node) const;
  bool empty() const { return functions_.empty(); }

 private:
  std::map<std::tuple<std::string, std::string, std::string>, const onnx::FunctionProto*>
      functions_;  // by domain, name, overload
};

/// One call: what the names in the function's body stand for.
struct FunctionCall {
  /// The call's own attributes, or the defaults of the function. `node` has no references left.
  FunctionCall(const onnx::FunctionProto& callee, const onnx::NodeProto& node,
               const FunctionCall* caller);

  /// Whether the node of the body names something that the call decides.
  bool concerns(const onnx::NodeProto& node) const;
  /// The node with the call's attributes in place of references, and without the operands that the
  /// call leaves out. Attributes that nobody gives are gone, as in a node that does not set them.
  onnx::NodeProto substitute(const onnx::NodeProto& node) const;
  /// Whether the function is being called already: it would go on for ever.
  static bool is_active(const FunctionCall* call, const onnx::FunctionProto& function);

  const onnx::FunctionProto* function;
  const FunctionCall* caller;  // null: the model's graph
  std::map<std::string, onnx::AttributeProto> attributes;
  std::set<std::string> absent;  // operands that the call leaves out
};

}  // namespace stint::builder
