// Removes nodes that do nothing and merges reshapes and transposes that follow each other.
#include <algorithm>
#include <cfloat>
#include <numeric>

#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

bool all_equal(const std::vector<int64_t>& values, int64_t to) {
  return std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == to; });
}

bool is_identity_permutation(const std::vector<int64_t>& perm) {
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<int64_t>(i)) return false;
  return true;
}

bool is_neutral_binary(const Graph& graph, const Node& node) {
  const auto constant = uniform_constant(graph, node.inputs[1]);
  if (!constant) return false;
  switch (node.as<BinaryAttributes>().op) {
    case EltOp::kAdd:
    case EltOp::kSub:
      return *constant == 0.0f;
    case EltOp::kMul:
    case EltOp::kDiv:
    case EltOp::kPow:
      return *constant == 1.0f;
    default:
      return false;
  }
}

/// True if the first result is the first operand, element for element.
bool does_nothing(const Graph& graph, const Node& node) {
  const Value& x = graph.value(node.inputs[0]);
  const Value& y = graph.value(node.outputs[0]);
  if (x.shape != y.shape || x.dtype != y.dtype) return false;
  switch (node.op) {
    case Op::kIdentity:
    case Op::kReshape:
    case Op::kExpand:
    case Op::kTile:
    case Op::kCast:
      return true;
    case Op::kConcat:
      return node.inputs.size() == 1;
    case Op::kTranspose:
      return is_identity_permutation(node.as<TransposeAttributes>().perm);
    case Op::kSlice: {
      const auto& a = node.as<SliceAttributes>();
      return all_equal(a.starts, 0) && all_equal(a.steps, 1);
    }
    case Op::kPad: {
      const auto& a = node.as<PadAttributes>();
      return all_equal(a.begin, 0) && all_equal(a.end, 0);
    }
    case Op::kPool: {
      const auto& a = node.as<PoolAttributes>();
      return all_equal(a.kernel, 1) && all_equal(a.strides, 1) && all_equal(a.pads_begin, 0) &&
             all_equal(a.pads_end, 0) && (node.outputs.size() < 2 || node.outputs[1] == kNoValue);
    }
    case Op::kResize: {
      const auto& a = node.as<ResizeAttributes>();
      return a.coordinate != CoordinateMode::kTfCropAndResize &&
             std::all_of(a.scales.begin(), a.scales.end(), [](float s) { return s == 1.0f; });
    }
    case Op::kUnary: {
      const auto& a = node.as<UnaryAttributes>();
      return a.op == EltOp::kCopy ||
             (a.op == EltOp::kClip && a.alpha <= -FLT_MAX && a.beta >= FLT_MAX);
    }
    case Op::kBinary:
      return is_neutral_binary(graph, node);
    default:
      return false;
  }
}

bool remove_no_op(Graph& graph, NodeId n) {
  const Node& node = graph.node(n);
  if (node.inputs.empty() || !does_nothing(graph, node)) return false;
  const ValueId from = node.outputs[0], to = node.inputs[0];
  if (!can_replace(graph, from, to)) return false;
  graph.replace_uses(from, to);
  graph.remove_node(n);
  return true;
}

/// Reshape(Reshape(x)) reads x directly; the inner one dies if nobody else reads it.
bool merge_reshapes(Graph& graph, NodeId n) {
  Node& node = graph.node(n);
  if (node.op != Op::kReshape) return false;
  const auto inner = producer_of(graph, node.inputs[0], Op::kReshape);
  if (!inner) return false;
  node.inputs[0] = graph.node(*inner).inputs[0];
  return true;
}

bool merge_transposes(Graph& graph, NodeId n) {
  Node& node = graph.node(n);
  if (node.op != Op::kTranspose) return false;
  const auto inner = producer_of(graph, node.inputs[0], Op::kTranspose);
  if (!inner) return false;
  const std::vector<int64_t>& first = graph.node(*inner).as<TransposeAttributes>().perm;
  std::vector<int64_t>& perm = node.as<TransposeAttributes>().perm;
  for (int64_t& axis : perm) axis = first[static_cast<size_t>(axis)];
  node.inputs[0] = graph.node(*inner).inputs[0];
  return true;
}

/// A reduction over axes of extent 1 that keeps the value is a reshape.
bool reduce_of_nothing(Graph& graph, NodeId n) {
  Node& node = graph.node(n);
  if (node.op != Op::kReduce) return false;
  const auto& a = node.as<ReduceAttributes>();
  const bool keeps_value = a.op == ReduceOp::kSum || a.op == ReduceOp::kMean ||
                           a.op == ReduceOp::kMax || a.op == ReduceOp::kMin ||
                           a.op == ReduceOp::kProd;
  if (!keeps_value) return false;
  const Shape& shape = graph.value(node.inputs[0]).shape;
  for (int64_t axis : a.axes)
    if (shape[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis)] !=
        1)
      return false;
  node.op = Op::kReshape;
  node.attributes = std::monostate();
  return true;
}

}  // namespace

size_t simplify(Graph& graph) {
  size_t changes = 0;
  for (bool again = true; again;) {
    again = false;
    for (NodeId n : std::vector<NodeId>(graph.order())) {
      if (graph.node(n).dead) continue;
      if (remove_no_op(graph, n) || merge_reshapes(graph, n) || merge_transposes(graph, n) ||
          reduce_of_nothing(graph, n)) {
        ++changes;
        again = true;
      }
    }
  }
  remove_dead_code(graph);
  return changes;
}

/// Requires: nothing beyond a valid graph. Ensures: no node copies its operand unchanged; no
/// reshape of a reshape, no transpose of a transpose.
const Pass kSimplifyPass = {"simplify", true,
                            [](Graph& graph, const PassContext&) { return simplify(graph); }};

}  // namespace stint::builder
