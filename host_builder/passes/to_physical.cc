// First half of the layout pass: every spatial node reads and writes channels-last values, with
// explicit transposes around it. Afterwards all shapes, axes and attributes are in memory order.
#include "host_builder/graph/op_def.h"
#include "host_builder/passes/layout.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

ValueId transposed_operand(Graph& graph, NodeId n, ValueId id) {
  const Value& value = graph.value(id);
  const Permutation perm = to_channels_last(value.shape.size());
  if (value.constant) return transposed_constant(graph, id, value.shape, perm);
  return insert_before(graph, n, value.name + "_nhwc", Op::kTranspose, TransposeAttributes{perm},
                       {id}, value.dtype, permuted(value.shape, perm));
}

/// The node writes a new channels-last value; the old one is its transpose.
void transpose_result(Graph& graph, NodeId n, size_t i) {
  const ValueId old = graph.node(n).outputs[i];
  const Value& value = graph.value(old);
  const size_t rank = value.shape.size();
  const ValueId physical = graph.add_value(graph.unique_name(value.name + "_nhwc"), value.dtype,
                                           permuted(value.shape, to_channels_last(rank)));
  graph.node(n).outputs[i] = physical;
  Node back;
  back.name = graph.unique_name(value.name + "_nchw");
  back.op = Op::kTranspose;
  back.attributes = TransposeAttributes{to_channels_first(rank)};
  back.inputs = {physical};
  back.outputs = {old};
  graph.insert_node(position_of(graph, n) + 1, std::move(back));
}

}  // namespace

void to_physical(Graph& graph) {
  for (NodeId n : std::vector<NodeId>(graph.order())) {
    Node& node = graph.node(n);
    const LayoutRule& rule = op_def(node.op).layout;
    if (!rule.is_channels_first(graph, node)) continue;
    if (!node.inputs.empty())
      rule.permute(node.attributes, to_channels_last(graph.value(node.inputs[0]).shape.size()));
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (rule.moves(i) && node.inputs[i] != kNoValue)
        node.inputs[i] = transposed_operand(graph, n, node.inputs[i]);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i] != kNoValue) transpose_result(graph, n, i);
  }
  graph.channels_last = true;
}

}  // namespace stint::builder
