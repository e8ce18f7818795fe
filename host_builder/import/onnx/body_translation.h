// The nodes of a body -> nodes of the one graph. The model's graph is a body, and so are the
// branches, loop bodies and functions that its nodes unfold into.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "host_builder/import/onnx/local_functions.h"
#include "host_builder/import/onnx/node_order.h"
#include "host_builder/import/onnx/scope.h"
#include "host_builder/import/onnx/tensor_decode.h"
#include "host_builder/network/network_builder.h"

namespace stint::builder {

class BodyTranslation {
 public:
  /// `unfolded_limit`: nodes that branches, loops and functions may unfold into, all together.
  BodyTranslation(const onnx::ModelProto& model, NetworkBuilder& network, TensorSource& source,
                  size_t unfolded_limit)
      : functions_(model, network.findings()),
        network_(network),
        source_(source),
        findings_(network.findings()),
        unfolded_left_(unfolded_limit),
        unfolded_limit_(unfolded_limit) {}

  /// Everything that is wrong becomes a finding; results that cannot be translated are kNoValue in
  /// the scope. False if the nodes cannot even be brought into an order.
  bool translate(const NodeList& nodes, Scope& scope);
  void read_initializers(const onnx::GraphProto& graph, Scope& scope);

  // For control flow.
  /// Translates nodes in an order that is known. Throws UnfoldedTooFar.
  void translate(const NodeList& nodes, const std::vector<int>& order, Scope& scope);
  /// The value of a body's result. Throws Refusal if the body has none of this name.
  ValueId result(const Scope& scope, const std::string& name) const;
  /// Counts one step of a loop, which costs something even if its body has no nodes.
  void count_unfolded(const std::string& where);
  NetworkBuilder& network() { return network_; }
  TensorSource& source() { return source_; }

 private:
  void translate_node(const onnx::NodeProto& node, int index, Scope& scope);
  void check_known(const onnx::NodeProto& node, const Scope& scope) const;
  void unfold_or_translate(const onnx::NodeProto& node, const std::string& name, Scope& scope);
  void call(const onnx::FunctionProto& function, const onnx::NodeProto& node,
            const std::string& name, Scope& scope);
  bool operands_known(const onnx::NodeProto& node, const Scope& scope) const;

  LocalFunctions functions_;
  NetworkBuilder& network_;
  TensorSource& source_;
  NetworkFindings& findings_;
  size_t unfolded_left_, unfolded_limit_;
};

/// The model unfolds into more nodes than the limit: translation ends.
class UnfoldedTooFar : public TranslationEnds {
 public:
  using TranslationEnds::TranslationEnds;
};

/// The opset of the standard operators among imports; 0 if it is not imported.
template <typename Imports>
int64_t standard_opset(const Imports& imports) {
  int64_t opset = 0;
  for (const auto& import : imports)
    if (import.domain().empty() || import.domain() == "ai.onnx") opset = import.version();
  return opset;
}

/// Throws Refusal if operators of this opset are not known. `who` imports it.
void check_opset(int64_t opset, const std::string& who);

}  // namespace stint::builder
