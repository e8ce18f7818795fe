// Residual addition and activation become the epilogue of the convolution or matrix product before
// them.
#include "host_builder/passes/linear.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

std::optional<Epilogue> as_activation(const UnaryAttributes& a) {
  Epilogue e;
  e.alpha = a.alpha;
  e.beta = a.beta;
  switch (a.op) {
    case EltOp::kRelu:
      e.act = Activation::kRelu;
      break;
    case EltOp::kSigmoid:
      e.act = Activation::kSigmoid;
      break;
    case EltOp::kTanh:
      e.act = Activation::kTanh;
      break;
    case EltOp::kSilu:
      e.act = Activation::kSilu;
      break;
    case EltOp::kHardSwish:
      e.act = Activation::kHardSwish;
      break;
    case EltOp::kMish:
      e.act = Activation::kMish;
      break;
    case EltOp::kGelu:
      e.act = Activation::kGelu;
      break;
    case EltOp::kClip:
      e.act = Activation::kClip;
      return e;
    case EltOp::kLeakyRelu:
      e.act = Activation::kLeakyRelu;
      return e;
    case EltOp::kHardSigmoid:
      e.act = Activation::kHardSigmoid;
      return e;
    case EltOp::kElu:
      e.act = Activation::kElu;
      return e;
    default:
      return std::nullopt;
  }
  e.alpha = e.beta = 0.0f;
  return e;
}

bool absorb_activation(Graph& graph, Node& node, const Node& next) {
  if (next.op != Op::kUnary) return false;
  Epilogue& epilogue = epilogue_of(node);
  if (epilogue.act != Activation::kNone || epilogue.residual_after_act) return false;
  const auto activation = as_activation(next.as<UnaryAttributes>());
  if (!activation) return false;
  (void)graph;
  epilogue.act = activation->act;
  epilogue.alpha = activation->alpha;
  epilogue.beta = activation->beta;
  return true;
}

bool absorb_residual(Graph& graph, Node& node, const Node& next) {
  if (next.op != Op::kBinary || next.as<BinaryAttributes>().op != EltOp::kAdd) return false;
  if (has_operand(node, kResidualOperand)) return false;
  const ValueId y = node.outputs[0];
  const ValueId other = next.inputs[next.inputs[0] == y ? 1 : 0];
  if (other == y || graph.value(other).constant || graph.value(other).shape != graph.value(y).shape)
    return false;
  Epilogue& epilogue = epilogue_of(node);
  epilogue.residual_after_act = epilogue.act != Activation::kNone;
  set_operand(node, kResidualOperand, other);
  return true;
}

bool absorb_next(Graph& graph, NodeId n) {
  Node& node = graph.node(n);
  const ValueId y = node.outputs[0];
  const auto consumer = sole_consumer(graph, y);
  if (!consumer || graph.value(y).dtype != DType::kF32) return false;
  const Node& next = graph.node(*consumer);
  if (!absorb_activation(graph, node, next) && !absorb_residual(graph, node, next)) return false;
  record_fusion(node, next);
  node.outputs[0] = next.outputs[0];
  graph.remove_node(*consumer);
  graph.sort();  // a residual may be computed later than the node was
  return true;
}

bool is_vector_product(const Graph& graph, const Node& node) {
  return node.op == Op::kMatMul && (graph.value(node.inputs[0]).shape.size() < 2 ||
                                    graph.value(node.inputs[1]).shape.size() < 2);
}

size_t run(Graph& graph, const PassContext&) {
  size_t changes = 0;
  // Backwards: of two convolutions that are added, the later one takes the addition, so nothing has
  // to move.
  const std::vector<NodeId> order = graph.order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node& node = graph.node(*it);
    if (node.dead || !is_linear(node.op) || is_vector_product(graph, node)) continue;
    while (absorb_next(graph, *it)) ++changes;
  }
  return changes;
}

}  // namespace

/// Requires: biases are operands (fold-scales has run). Ensures: no activation or residual addition
/// that fits the epilogue follows a convolution or product that nobody else reads.
const Pass kFuseVerticalPass = {"fuse-vertical", true, run};

}  // namespace stint::builder
