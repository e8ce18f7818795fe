// Nodes whose operands are all constant are computed now, by the kernels that would compute them on
// the device.
#include "host_builder/evaluate/fold_constants.h"

#include "host_builder/evaluate/evaluate.h"
#include "host_builder/graph/op_def.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"
#include "host_builder/support/error.h"

namespace stint::builder {

namespace {

/// A folded result larger than this would rather bloat the plan than save time (a tiled or expanded
/// constant).
constexpr int64_t kMaxFoldedBytes = int64_t{64} << 20;

bool foldable(const Graph& graph, const Node& node) {
  if (node.inputs.empty() || node.op == Op::kDecode || node.op == Op::kTopClasses) return false;
  // Kernels know the physical order only; these are folded after the layout pass.
  if (!graph.channels_last && is_spatial(node.op)) return false;
  for (ValueId id : node.inputs)
    if (id != kNoValue && !graph.value(id).constant) return false;
  for (ValueId id : node.outputs) {
    if (id == kNoValue) continue;
    if (graph.is_output(id) || graph.value(id).bytes() > kMaxFoldedBytes) return false;
  }
  return true;
}

HostTensor tensor_of(const Value& value) { return {value.dtype, value.shape, *value.constant}; }

bool fold(Graph& graph, NodeId n) {
  const Node& node = graph.node(n);
  std::vector<HostTensor> operands;
  operands.reserve(node.inputs.size());
  std::vector<const HostTensor*> pointers;
  for (ValueId id : node.inputs) {
    if (id == kNoValue) {
      pointers.push_back(nullptr);
      continue;
    }
    operands.push_back(tensor_of(graph.value(id)));
    pointers.push_back(&operands.back());
  }
  std::vector<HostTensor> results;
  try {
    results = evaluate_node(graph, node, pointers);
  } catch (const BuildError&) {
    return false;  // stays in the graph; if no kernel takes it, lowering says so
  }
  const std::vector<ValueId> outputs = node.outputs;
  graph.remove_node(n);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] == kNoValue) continue;
    Value& value = graph.value(outputs[i]);
    value.constant = std::make_shared<const std::vector<std::byte>>(std::move(results[i].data));
  }
  return true;
}

size_t run(Graph& graph, const PassContext&) {
  size_t changes = 0;
  for (NodeId n : std::vector<NodeId>(graph.order()))
    if (foldable(graph, graph.node(n)) && fold(graph, n)) ++changes;
  return changes;
}

}  // namespace

/// Requires: nothing beyond a valid graph. Ensures: what does not depend on the graph's inputs is a
/// constant, unless it is large or an output.
const Pass kFoldConstantsPass = {"fold-constants", true, run};

}  // namespace stint::builder
