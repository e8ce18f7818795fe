// One ONNX node while it is translated: typed access to its attributes and operands, and the
// binding of its results. Everything throws Refusal with the reason and what to do; the importer
// adds the node's name and operator.
#pragma once

#include <onnx/onnx_pb.h>

#include <set>
#include <string>
#include <vector>

#include "host_builder/graph/shape.h"
#include "host_builder/import/onnx/scope.h"
#include "host_builder/import/onnx/tensor_decode.h"
#include "host_builder/network/network_builder.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {

class NodeTranslation {
 public:
  /// Every operand must be known to the scope.
  NodeTranslation(const onnx::NodeProto& node, Scope& scope, NetworkBuilder& network,
                  TensorSource& source);

  const std::string& op() const { return node_.op_type(); }
  int64_t opset() const { return scope_.opset(); }
  NetworkBuilder& network() { return network_; }
  /// `found`: what the node is or has, and what is needed. `rest` ends the action.
  [[noreturn]] void fail(const std::string& found, Action action,
                         const std::string& rest = {}) const {
    throw Refusal(found, action, rest);
  }

  // Operands.
  size_t input_count() const { return inputs_.size(); }
  bool has(size_t i) const { return i < inputs_.size() && inputs_[i] != kNoValue; }
  ValueId in(size_t i) const;
  const Value& value(size_t i) const { return network_.graph().value(in(i)); }
  const Shape& shape(size_t i) const { return value(i).shape; }
  size_t rank(size_t i) const { return shape(i).size(); }
  DType dtype(size_t i) const { return value(i).dtype; }
  /// All operands, none of which may be absent.
  std::vector<ValueId> all_inputs() const;

  // Operands that must be known at build time. `what` names the operand in messages.
  std::vector<int64_t> constant_integers(size_t i, const char* what) const;
  std::vector<double> constant_numbers(size_t i, const char* what) const;
  int64_t constant_integer(size_t i, const char* what) const;
  double constant_number(size_t i, const char* what) const;

  // Attributes. Each access marks the attribute as understood; reject_unknown_attributes() refuses
  // the others.
  bool has_attribute(const char* name);
  int64_t integer(const char* name, int64_t fallback);
  int64_t required_integer(const char* name);
  float number(const char* name, float fallback);
  std::string text(const char* name, const std::string& fallback);
  std::vector<int64_t> integers(const char* name, std::vector<int64_t> fallback = {});
  std::vector<float> numbers(const char* name, std::vector<float> fallback = {});
  HostTensor tensor(const char* name);
  void ignore(const char* name) { understood_.insert(name); }
  void reject_unknown_attributes() const;

  // Results.
  size_t output_count() const { return static_cast<size_t>(node_.output_size()); }
  bool wants(size_t i) const {
    return i < output_count() && !node_.output(static_cast<int>(i)).empty();
  }
  /// kNoValue: the result is not known, because of what is a finding already.
  void bind(size_t i, ValueId value);
  /// No result beyond the first `count` may be wanted.
  void no_outputs_beyond(size_t count, const char* found, Action action) const;
  void reject_unbound_outputs() const;

 private:
  const onnx::AttributeProto* find(const char* name, onnx::AttributeProto::AttributeType type);

  const onnx::NodeProto& node_;
  Scope& scope_;
  NetworkBuilder& network_;
  TensorSource& source_;
  std::vector<ValueId> inputs_;
  std::set<std::string> understood_;
  std::set<size_t> bound_;
};

}  // namespace stint::builder
