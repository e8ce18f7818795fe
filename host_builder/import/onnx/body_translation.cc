#include "host_builder/import/onnx/body_translation.h"

#include <algorithm>

#include "host_builder/import/onnx/control_flow.h"
#include "host_builder/import/onnx/operators/operator_table.h"

namespace stint::builder {
namespace {

/// Bodies inside bodies: each level is a few stack frames here.
constexpr size_t kMaxDepth = 64;

bool has_reference(const onnx::NodeProto& node) {
  return std::any_of(node.attribute().begin(), node.attribute().end(),
                     [](const auto& attribute) { return !attribute.ref_attr_name().empty(); });
}

bool is_standard(const onnx::NodeProto& node) {
  return node.domain().empty() || node.domain() == "ai.onnx";
}

}  // namespace

void check_opset(int64_t opset, const std::string& who) {
  if (opset >= kOldestOpset && opset <= kNewestOpset) return;
  throw Refusal(who + " uses opset " + std::to_string(opset) + ", supported are " +
                    std::to_string(kOldestOpset) + " to " + std::to_string(kNewestOpset),
                "convert the model with onnx.version_converter");
}

bool BodyTranslation::translate(const NodeList& nodes, Scope& scope) {
  std::vector<int> order;
  try {
    order = node_order(nodes);
  } catch (const BuildError& error) {
    findings_.add(scope.is_model() ? "the model" : "body '" + scope.path() + "'", error);
    return false;
  }
  translate(nodes, order, scope);
  return true;
}

void BodyTranslation::translate(const NodeList& nodes, const std::vector<int>& order,
                                Scope& scope) {
  if (scope.depth() > kMaxDepth) {
    throw Refusal(
        "functions, branches and loops are nested more than " + std::to_string(kMaxDepth) + " deep",
        "export the model with fewer levels, or inline its functions "
        "(onnx.inliner.inline_local_functions)");
  }
  for (const int index : order) translate_node(nodes[index], index, scope);
}

void BodyTranslation::read_initializers(const onnx::GraphProto& graph, Scope& scope) {
  if (graph.sparse_initializer_size() > 0) {
    findings_.add(scope.is_model() ? "the model" : "body '" + scope.path() + "'",
                  Refusal("sparse initializers are not supported", "store them densely"));
  }
  for (const auto& initializer : graph.initializer()) {
    const std::string where = "initializer '" + scope.path() + initializer.name() + "'";
    ValueId id = kNoValue;
    try {
      HostTensor tensor = decode_tensor(initializer, source_);
      network_.begin_node(scope.path() + initializer.name());
      id = network_.constant(std::move(tensor));
    } catch (const BuildError& error) {
      findings_.add(where, error);
    }
    if (initializer.name().empty())
      findings_.add("an initializer", Refusal("has no name", kCheckModel));
    else if (!scope.define(initializer.name(), id))
      findings_.add(where, Refusal("another value has this name", kCheckModel));
    else if (id != kNoValue && scope.is_model())
      network_.give_name(id, initializer.name());
  }
}

ValueId BodyTranslation::result(const Scope& scope, const std::string& name) const {
  const auto found = scope.find(name);
  if (!found) {
    throw Refusal("no node of body '" + scope.path() + "' computes its result '" + name + "'",
                  kCheckModel);
  }
  return *found;
}

void BodyTranslation::count_unfolded(const std::string& where) {
  if (unfolded_left_ == 0) {
    throw UnfoldedTooFar("the model's loops, branches and functions unfold into more than " +
                             std::to_string(unfolded_limit_) + " nodes (the limit is passed in '" +
                             where + "')",
                         "export the model with fewer steps, or cut it there "
                         "(onnx.utils.extract_model) and run the loop in your program");
  }
  --unfolded_left_;
}

void BodyTranslation::translate_node(const onnx::NodeProto& node, int index, Scope& scope) {
  const std::string name = scope.path() + node_name(node, index);
  if (!scope.is_model()) count_unfolded(scope.path());
  const std::string within =
      scope.call() == nullptr ? "" : " of function " + function_text(*scope.call()->function);
  const std::string where = "node '" + name + "' (" + node.op_type() + within + ")";
  findings_.attempt(where, [&] {
    check_known(node, scope);
    if (!operands_known(node, scope)) return;
    if (scope.call() != nullptr && scope.call()->concerns(node)) {
      unfold_or_translate(scope.call()->substitute(node), name, scope);
    } else if (has_reference(node)) {
      throw Refusal("an attribute refers to one of a function, but the node is in none",
                    kCheckModel);
    } else {
      unfold_or_translate(node, name, scope);
    }
  });
  // Readers of results that failed are looked at too, as far as that is possible without knowing
  // them.
  for (const auto& output : node.output())
    if (!output.empty()) scope.define(output, kNoValue);
}

/// Throws Refusal for an operator that nobody knows: reported even where its operands are unknown.
void BodyTranslation::check_known(const onnx::NodeProto& node, const Scope& scope) const {
  if (functions_.find(node) != nullptr) return;
  if (is_standard(node) && scope.opset() == 0)
    throw Refusal("is a standard operator, but no opset of these is imported", kCheckModel);
  if (is_standard(node) && is_control_flow(node.op_type())) return;
  find_operator(node.domain(), node.op_type(), scope.opset());
}

/// False if an operand is the result of a node that could not be translated: nothing more can be
/// said here.
bool BodyTranslation::operands_known(const onnx::NodeProto& node, const Scope& scope) const {
  bool known = true;
  for (const auto& input : node.input()) {
    if (input.empty()) continue;
    if (scope.call() != nullptr && scope.call()->absent.count(input) != 0) continue;
    const auto found = scope.find(input);
    if (!found) {
      throw Refusal("its operand '" + input + "' is no input, no initializer and no node's result",
                    kCheckModel);
    }
    known = known && *found != kNoValue;
  }
  return known;
}

void BodyTranslation::unfold_or_translate(const onnx::NodeProto& node, const std::string& name,
                                          Scope& scope) {
  network_.begin_node(name);
  if (const onnx::FunctionProto* function = functions_.find(node)) {
    call(*function, node, name, scope);
    return;
  }
  if (is_standard(node) && is_control_flow(node.op_type())) {
    unfold_control_flow(*this, node, name, scope);
    return;
  }
  const OperatorEntry& entry = find_operator(node.domain(), node.op_type(), scope.opset());
  NodeTranslation translation(node, scope, network_, source_);
  entry.translate(translation);
  translation.reject_unknown_attributes();
  translation.reject_unbound_outputs();
}

void BodyTranslation::call(const onnx::FunctionProto& function, const onnx::NodeProto& node,
                           const std::string& name, Scope& scope) {
  if (FunctionCall::is_active(scope.call(), function)) {
    throw Refusal("function '" + function_text(function) + "' calls itself, which never ends",
                  "export the model without recursive functions");
  }
  if (node.input_size() > function.input_size()) {
    throw Refusal("gives " + std::to_string(node.input_size()) + " operands to function '" +
                      function_text(function) + "', which takes " +
                      std::to_string(function.input_size()),
                  kCheckModel);
  }
  const FunctionCall call(function, node, scope.call());
  const int64_t own_opset = standard_opset(function.opset_import());
  const int64_t opset = own_opset == 0 ? scope.opset() : own_opset;
  if (own_opset != 0) check_opset(opset, "function '" + function_text(function) + "'");
  Scope body(scope, call, opset, name + "/");
  for (int i = 0; i < node.input_size(); ++i)
    if (!node.input(i).empty()) body.define(function.input(i), *scope.find(node.input(i)));
  if (!translate(function.node(), body)) return;
  NodeTranslation results(node, scope, network_, source_);
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    if (i >= function.output_size()) {
      throw Refusal("wants result " + std::to_string(i) + " of function '" +
                        function_text(function) + "', which has " +
                        std::to_string(function.output_size()),
                    kCheckModel);
    }
    results.bind(static_cast<size_t>(i), result(body, function.output(i)));
  }
}

}  // namespace stint::builder
