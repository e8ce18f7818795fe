// Op(Transpose(x)) -> Transpose(Op'(x)) for operations that do not care about the order of axes
// once their attributes are permuted with them.
#include <algorithm>

#include "host_builder/graph/op_def.h"
#include "host_builder/graph/shape.h"
#include "host_builder/passes/layout.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

const Node* transpose_before(const Graph& graph, ValueId id) {
  const auto n = producer_of(graph, id, Op::kTranspose);
  return n ? &graph.node(*n) : nullptr;
}

const Permutation& perm_of(const Node& transpose) {
  return transpose.as<TransposeAttributes>().perm;
}

/// Elements a transpose of this operand would move; 0 where it is only a reshape.
int64_t transpose_cost(const Shape& shape, const Permutation& perm) {
  if (keeps_element_order(shape, perm)) return 0;
  int64_t n = 1;
  for (int64_t e : shape) n *= e;
  return n;
}

/// Result `i` becomes a new value of the shape before the transpose; the old value is its transpose
/// by `perm`.
void transpose_behind(Graph& graph, NodeId n, size_t i, const Permutation& perm) {
  const ValueId old = graph.node(n).outputs[i];
  const Value& value = graph.value(old);
  const ValueId inner = graph.add_value(graph.unique_name(value.name + "_p"), value.dtype,
                                        permuted(value.shape, inverse(perm)));
  graph.node(n).outputs[i] = inner;
  Node node;
  node.name = graph.unique_name(value.name + "_transpose");
  node.op = Op::kTranspose;
  node.attributes = TransposeAttributes{perm};
  node.inputs = {inner};
  node.outputs = {old};
  graph.insert_node(position_of(graph, n) + 1, std::move(node));
}

/// True if behind `id`, through element-wise nodes, a transpose undoes `perm`.
bool is_undone_later(const Graph& graph, ValueId id, const Permutation& perm, int depth) {
  if (depth == 0) return false;
  for (NodeId n : graph.consumers(id)) {
    const Node& node = graph.node(n);
    if (node.op == Op::kTranspose) {
      if (is_identity(compose(perm, perm_of(node)))) return true;
    } else if (op_def(node.op).transpose.is_elementwise() &&
               is_undone_later(graph, node.outputs[0], perm, depth - 1)) {
      return true;
    }
  }
  return false;
}

/// Shape with leading ones up to the rank.
Shape with_rank(const Shape& shape, size_t rank) {
  Shape result(rank - shape.size(), 1);
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

/// Picks the transpose that moves most elements among the operands' ones; costs of the others tell
/// if it pays.
const Node* worthwhile_transpose(const Graph& graph, NodeId n, std::set<NodeId>& paid) {
  const Node& node = graph.node(n);
  const Node* best = nullptr;
  int64_t best_cost = -1;
  const size_t rank = graph.value(node.outputs[0]).shape.size();
  for (ValueId id : node.inputs) {
    const Node* t = transpose_before(graph, id);
    if (!t || graph.value(id).shape.size() != rank) continue;
    const int64_t cost = transpose_cost(graph.value(t->inputs[0]).shape, perm_of(*t));
    if (cost > best_cost) {
      best = t;
      best_cost = cost;
    }
  }
  if (!best) return nullptr;
  const Permutation& perm = perm_of(*best);
  int64_t saved = 0, added = 0;
  for (ValueId id : node.inputs) {
    const Value& value = graph.value(id);
    if (value.constant) continue;
    const Node* t = transpose_before(graph, id);
    if (t && perm_of(*t) == perm)
      saved += transpose_cost(graph.value(t->inputs[0]).shape, perm);
    else
      added += transpose_cost(with_rank(value.shape, rank), inverse(perm));
  }
  if (added == 0) return best;
  const bool pays = added <= saved && is_undone_later(graph, node.outputs[0], perm, 8);
  return pays && paid.insert(n).second ? best : nullptr;
}

ValueId permuted_operand(Graph& graph, NodeId n, ValueId id, const Permutation& perm) {
  const size_t rank = perm.size();
  if (const Node* t = transpose_before(graph, id); t && perm_of(*t) == perm) return t->inputs[0];
  const Value& value = graph.value(id);
  const Permutation back = inverse(perm);
  if (value.constant) {
    if (value.elements() == 1 && graph.node(n).op != Op::kConcat) return id;
    return transposed_constant(graph, id, with_rank(value.shape, rank), back);
  }
  ValueId full = id;
  if (value.shape.size() < rank)
    full = insert_before(graph, n, value.name + "_r", Op::kReshape, std::monostate(), {id},
                         value.dtype, with_rank(value.shape, rank));
  const Value& operand = graph.value(full);
  if (keeps_element_order(operand.shape, back))  // as a transpose it would only be moved on again
    return insert_before(graph, n, value.name + "_r", Op::kReshape, std::monostate(), {full},
                         operand.dtype, permuted(operand.shape, back));
  return insert_before(graph, n, value.name + "_p", Op::kTranspose, TransposeAttributes{back},
                       {full}, operand.dtype, permuted(operand.shape, back));
}

bool sink_elementwise(Graph& graph, NodeId n, std::set<NodeId>& paid) {
  const Node* transpose = worthwhile_transpose(graph, n, paid);
  if (!transpose) return false;
  const Permutation perm = perm_of(*transpose);
  Node& node = graph.node(n);
  for (size_t i = 0; i < node.inputs.size(); ++i)
    node.inputs[i] = permuted_operand(graph, n, node.inputs[i], perm);
  if (node.op == Op::kConcat) {
    int64_t& axis = node.as<AxisAttributes>().axis;
    axis = perm[from_front(axis, perm.size())];
  }
  transpose_behind(graph, n, 0, perm);
  return true;
}

bool sink_single(Graph& graph, NodeId n, const Node& transpose) {
  Node& node = graph.node(n);
  const ValueId x = transpose.inputs[0];
  const Permutation perm = perm_of(transpose);
  const auto behind = op_def(node.op).transpose.sink(graph, node, perm);
  if (!behind) return false;
  node.inputs[0] = x;
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.outputs[i] != kNoValue) transpose_behind(graph, n, i, *behind);
  return true;
}

bool sink_reshape(Graph& graph, NodeId n, const Node& transpose) {
  Node& node = graph.node(n);
  const ValueId x = transpose.inputs[0];
  const auto exchanged = reshape_before_transpose(graph.value(x).shape, perm_of(transpose),
                                                  graph.value(node.outputs[0]).shape);
  if (!exchanged) return false;
  node.inputs[0] = x;
  if (!is_identity(exchanged->perm)) transpose_behind(graph, n, 0, exchanged->perm);
  return true;
}

}  // namespace

bool sink_transpose(Graph& graph, NodeId n, std::set<NodeId>& paid) {
  const Node& node = graph.node(n);
  if (node.inputs.empty()) return false;
  if (op_def(node.op).transpose.is_elementwise()) return sink_elementwise(graph, n, paid);
  const Node* transpose = transpose_before(graph, node.inputs[0]);
  if (!transpose) return false;
  if (node.op == Op::kReshape) return sink_reshape(graph, n, *transpose);
  return sink_single(graph, n, *transpose);
}

}  // namespace stint::builder
