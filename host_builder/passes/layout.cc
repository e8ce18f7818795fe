// Rewrites the graph to physical, channels-last order. Transposes are put around spatial nodes,
// moved through what does not mind them until they meet and cancel, and what is left is merged into
// weights or becomes a reshape where possible.
#include "host_builder/passes/layout.h"

#include "host_builder/passes/linear.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

/// A transpose that moves only axes of extent 1 is a reshape.
bool as_reshape(Graph& graph, NodeId n) {
  Node& node = graph.node(n);
  if (node.op != Op::kTranspose) return false;
  if (!keeps_element_order(graph.value(node.inputs[0]).shape, node.as<TransposeAttributes>().perm))
    return false;
  node.op = Op::kReshape;
  node.attributes = std::monostate();
  return true;
}

/// Transpose(Reshape(Transpose(x))) -> Reshape(Transpose(x)), where the lower transpose can pass
/// the reshape.
bool hoist(Graph& graph, NodeId n) {
  Node& node = graph.node(n);
  if (node.op != Op::kTranspose) return false;
  const auto reshape = producer_of(graph, node.inputs[0], Op::kReshape);
  if (!reshape || !used_once(graph, node.inputs[0])) return false;
  const ValueId x = graph.node(*reshape).inputs[0];
  if (!producer_of(graph, x, Op::kTranspose)) return false;
  const auto perm = transpose_before_reshape(
      graph.value(x).shape, graph.value(node.inputs[0]).shape, node.as<TransposeAttributes>().perm);
  if (!perm) return false;
  const Value& value = graph.value(x);
  node.inputs[0] =
      insert_before(graph, n, value.name + "_h", Op::kTranspose, TransposeAttributes{*perm}, {x},
                    value.dtype, permuted(value.shape, *perm));
  node.op = Op::kReshape;
  node.attributes = std::monostate();
  return true;
}

/// MatMul(Reshape(Transpose(x)), constant): the transpose permutes the rows of the constant
/// instead. This is the flatten before a fully connected layer.
bool into_weights(Graph& graph, NodeId n) {
  Node& node = graph.node(n);
  if (node.op != Op::kMatMul) return false;
  const auto reshape = producer_of(graph, node.inputs[0], Op::kReshape);
  const ValueId weights = node.inputs[kWeightOperand];
  if (!reshape || !graph.value(weights).constant || graph.value(weights).shape.size() != 2)
    return false;
  const auto transpose = producer_of(graph, graph.node(*reshape).inputs[0], Op::kTranspose);
  if (!transpose) return false;
  const ValueId x = graph.node(*transpose).inputs[0];
  const Permutation& perm = graph.node(*transpose).as<TransposeAttributes>().perm;
  const Shape& flat = graph.value(node.inputs[0]).shape;
  const Shape shape = permuted(graph.value(x).shape, perm);
  // The leading axes stay, the rest is flattened into the last.
  const size_t kept = flat.size() - 1;
  if (kept >= shape.size()) return false;
  for (size_t i = 0; i < kept; ++i)
    if (shape[i] != flat[i] || perm[i] != static_cast<int64_t>(i)) return false;
  Shape rows(shape.begin() + static_cast<std::ptrdiff_t>(kept), shape.end());
  Permutation order(rows.size());
  for (size_t i = 0; i < rows.size(); ++i)
    order[static_cast<size_t>(perm[i + kept]) - kept] = static_cast<int64_t>(i);
  const Shape matrix = graph.value(weights).shape;
  rows.push_back(matrix[1]);
  order.push_back(static_cast<int64_t>(order.size()));
  const ValueId permuted_weights = transposed_constant(graph, weights, rows, order);
  graph.value(permuted_weights).shape = matrix;
  const Value& value = graph.value(node.inputs[0]);
  node.inputs[kWeightOperand] = permuted_weights;
  node.inputs[0] = insert_before(graph, n, value.name + "_nhwc", Op::kReshape, std::monostate(),
                                 {x}, value.dtype, value.shape);
  return true;
}

template <typename Rule>
bool apply(Graph& graph, Rule rule, size_t& changes) {
  bool changed = false;
  for (NodeId n : std::vector<NodeId>(graph.order())) {
    if (graph.node(n).dead || !rule(graph, n)) continue;
    ++changes;
    changed = true;
  }
  if (changed) simplify(graph);
  return changed;
}

size_t run(Graph& graph, const PassContext&) {
  if (graph.channels_last) return 0;
  to_physical(graph);
  simplify(graph);
  size_t changes = 0;
  // Each rule moves a transpose towards the outputs or removes one, so this ends.
  std::set<NodeId> paid;
  const auto sink = [&](Graph& g, NodeId n) { return sink_transpose(g, n, paid); };
  while (apply(graph, sink, changes) || apply(graph, hoist, changes) ||
         apply(graph, into_weights, changes)) {
  }
  apply(graph, as_reshape, changes);
  graph.sort();
  return changes;
}

}  // namespace

/// Requires: channels are axis 1; no batch normalisation is left. Ensures: the graph is physical:
/// spatial nodes are channels-last, all attributes are in memory order.
const Pass kLayoutPass = {"layout", false, run};

}  // namespace stint::builder
