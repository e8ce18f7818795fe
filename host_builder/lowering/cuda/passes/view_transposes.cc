#include "host_builder/lowering/cuda/passes/view_transposes.h"

#include <algorithm>

#include "host_builder/graph/shape.h"
#include "host_builder/graph/views.h"
#include "host_builder/lowering/cuda/families.h"

namespace stint::builder {
namespace {

bool is_product_of_activations(const Graph& graph, const Node& node) {
  return node.op == Op::kMatMul && !graph.value(node.inputs.at(0)).is_constant() &&
         !graph.value(node.inputs.at(1)).is_constant();
}

/// `y` as a view of what it is a transpose of.
Value viewed(const Graph& graph, const Node& transpose) {
  const ValueId from = transpose.inputs.at(0);
  const Value& x = graph.value(from);
  const Shape strides = strides_of(x);
  Value y = graph.value(transpose.outputs.at(0));
  y.dtype = x.dtype;
  y.quant = x.quant;
  y.view = x.view ? *x.view : View{from, 0};
  y.strides.clear();
  for (const int64_t axis : transpose.as<TransposeAttributes>().perm)
    y.strides.push_back(strides.at(static_cast<size_t>(axis)));
  return y;
}

bool view_one(Graph& graph, NodeId n, const Target& target) {
  const Node& node = graph.node(n);
  const ValueId y = node.outputs.at(0);
  if (graph.value(node.inputs.at(0)).is_constant() || !is_whole_storage(graph, y)) return false;
  const std::vector<NodeId> readers = graph.consumers(y);
  if (readers.empty()) return false;
  for (const NodeId r : readers) {
    const std::vector<ValueId>& inputs = graph.node(r).inputs;
    const size_t place = is_product_of_activations(graph, graph.node(r)) && inputs[0] != y ? 1 : 0;
    if (std::count(inputs.begin(), inputs.end(), y) != 1 || inputs[place] != y) return false;
  }
  const Value before = graph.value(y);
  graph.value(y) = viewed(graph, node);
  for (const NodeId r : readers) {
    const Node& reader = graph.node(r);
    if (is_product_of_activations(graph, reader)) continue;
    if (!kFirstLayerFamily.tactics(graph, reader, target).empty()) continue;
    graph.value(y) = before;
    return false;
  }
  graph.remove_node(n);
  return true;
}

size_t run(Graph& graph, const PassContext& context) {
  size_t changes = 0;
  for (const NodeId n : std::vector<NodeId>(graph.order()))
    if (graph.node(n).op == Op::kTranspose && view_one(graph, n, context.target)) ++changes;
  return changes;
}

}  // namespace

const Pass kViewTransposesPass = {"view-transposes", true, run,
                                  [](const PassContext& c) { return c.target.is_gpu; }};

}  // namespace stint::builder
