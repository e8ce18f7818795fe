// Op(Transpose(x)) -> Transpose(Op'(x)) for operations that do not care about the order of axes
// once their attributes are permuted with them.
#include <algorithm>

#include "host_builder/passes/layout.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

bool is_elementwise(Op op) {
  return op == Op::kUnary || op == Op::kBinary || op == Op::kWhere || op == Op::kPointwise ||
         op == Op::kCast || op == Op::kIdentity || op == Op::kConcat;
}

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

size_t position(int64_t axis, size_t rank) {
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
}

/// True if behind `id`, through element-wise nodes, a transpose undoes `perm`.
bool is_undone_later(const Graph& graph, ValueId id, const Permutation& perm, int depth) {
  if (depth == 0) return false;
  for (NodeId n : graph.consumers(id)) {
    const Node& node = graph.node(n);
    if (node.op == Op::kTranspose) {
      if (is_identity(compose(perm, perm_of(node)))) return true;
    } else if (is_elementwise(node.op) &&
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
    axis = perm[position(axis, perm.size())];
  }
  transpose_behind(graph, n, 0, perm);
  return true;
}

template <typename T>
std::vector<T> unpermuted(const std::vector<T>& values, const Permutation& perm) {
  std::vector<T> result(values.size());
  for (size_t i = 0; i < values.size(); ++i) result[static_cast<size_t>(perm[i])] = values[i];
  return result;
}

/// The permutation that is left when some result axes (of the transpose) disappear.
Permutation without_axes(const Permutation& perm, const std::vector<bool>& removed) {
  Permutation kept;
  for (size_t i = 0; i < perm.size(); ++i)
    if (!removed[i]) kept.push_back(perm[i]);
  Permutation sorted = kept;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t& axis : kept)
    axis = std::lower_bound(sorted.begin(), sorted.end(), axis) - sorted.begin();
  return kept;
}

/// Permutes the node's attributes; returns the permutation behind it, or nothing if the node minds.
std::optional<Permutation> permute_attributes(const Graph& graph, Node& node,
                                              const Permutation& perm) {
  const size_t rank = perm.size();
  const size_t result_rank = graph.value(node.outputs[0]).shape.size();
  std::vector<bool> removed(rank, false);
  auto move_axis = [&](int64_t& axis) {
    const size_t old = position(axis, rank);
    removed[old] = result_rank < rank;
    axis = perm[old];
  };
  switch (node.op) {
    case Op::kSlice: {
      auto& a = node.as<SliceAttributes>();
      a.starts = unpermuted(a.starts, perm);
      a.steps = unpermuted(a.steps, perm);
      return perm;
    }
    case Op::kPad: {
      auto& a = node.as<PadAttributes>();
      a.begin = unpermuted(a.begin, perm);
      a.end = unpermuted(a.end, perm);
      return perm;
    }
    case Op::kReduce: {
      auto& a = node.as<ReduceAttributes>();
      for (int64_t& axis : a.axes) {
        const size_t old = position(axis, rank);
        removed[old] = !a.keep_dims;
        axis = perm[old];
      }
      std::sort(a.axes.begin(), a.axes.end());
      return without_axes(perm, removed);
    }
    case Op::kSoftmax:
      move_axis(node.as<SoftmaxAttributes>().axis);
      return perm;
    case Op::kTopK:
      move_axis(node.as<TopKAttributes>().axis);
      return perm;
    case Op::kArgReduce:
      move_axis(node.as<ArgReduceAttributes>().axis);
      return without_axes(perm, removed);
    case Op::kArgmaxMask:
      move_axis(node.as<AxisAttributes>().axis);
      return without_axes(perm, removed);
    case Op::kExpand:
    case Op::kTile:
      if (result_rank != rank) return std::nullopt;
      return perm;
    case Op::kGather:
      if (graph.value(node.inputs[1]).shape.size() > 1) return std::nullopt;
      move_axis(node.as<AxisAttributes>().axis);
      return without_axes(perm, removed);
    default:
      return std::nullopt;
  }
}

bool sink_single(Graph& graph, NodeId n, const Node& transpose) {
  Node& node = graph.node(n);
  const ValueId x = transpose.inputs[0];
  const Permutation perm = perm_of(transpose);
  const auto behind = permute_attributes(graph, node, perm);
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
  if (is_elementwise(node.op)) return sink_elementwise(graph, n, paid);
  const Node* transpose = transpose_before(graph, node.inputs[0]);
  if (!transpose) return false;
  if (node.op == Op::kReshape) return sink_reshape(graph, n, *transpose);
  return sink_single(graph, n, *transpose);
}

}  // namespace stint::builder
