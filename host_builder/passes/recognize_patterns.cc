// Exporters spell activations out; here their compositions become the one operation they mean.
#include <algorithm>
#include <cmath>

#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

bool near(float a, double b) { return std::fabs(a - b) <= 1e-5 * std::fabs(b); }

/// `op(x, constant)` or, for commutative operations, `op(constant, x)`: x, if the constant is near
/// `wanted`.
ValueId with_constant(const Graph& graph, ValueId id, EltOp op, double wanted) {
  const Node* node = binary_producer(graph, id, op);
  if (!node) return kNoValue;
  for (size_t i = 0; i < 2; ++i) {
    if (i == 0 && op != EltOp::kAdd && op != EltOp::kMul) continue;
    const auto constant = uniform_constant(graph, node->inputs[i]);
    const ValueId x = node->inputs[1 - i];
    if (constant && near(*constant, wanted) && graph.value(x).shape == graph.value(id).shape)
      return x;
  }
  return kNoValue;
}

/// x / divisor or x * (1 / divisor).
ValueId divided(const Graph& graph, ValueId id, double divisor) {
  const ValueId x = with_constant(graph, id, EltOp::kDiv, divisor);
  return x != kNoValue ? x : with_constant(graph, id, EltOp::kMul, 1.0 / divisor);
}

/// clip(x + 3, 0, 6): x.
ValueId shifted_relu6(const Graph& graph, ValueId id) {
  const Node* clip = unary_producer(graph, id, EltOp::kClip);
  if (!clip) return kNoValue;
  const auto& a = clip->as<UnaryAttributes>();
  if (a.alpha != 0.0f || a.beta != 6.0f) return kNoValue;
  return with_constant(graph, clip->inputs[0], EltOp::kAdd, 3.0);
}

/// The node becomes op(x). What it read dies with dead-code removal.
bool become(Graph& graph, NodeId n, ValueId x, UnaryAttributes attributes) {
  Node& node = graph.node(n);
  if (graph.value(x).shape != graph.value(node.outputs[0]).shape ||
      graph.value(x).dtype != DType::kF32)
    return false;
  node.op = Op::kUnary;
  node.attributes = attributes;
  node.inputs = {x};
  return true;
}

/// What x is multiplied with to give a known activation.
bool is_gate_of(const Graph& graph, ValueId gate, ValueId x, UnaryAttributes& whole) {
  if (const Node* s = unary_producer(graph, gate, EltOp::kSigmoid); s && s->inputs[0] == x) {
    whole = {EltOp::kSilu};
    return true;
  }
  if (const Node* h = unary_producer(graph, gate, EltOp::kHardSigmoid); h && h->inputs[0] == x) {
    const auto& a = h->as<UnaryAttributes>();
    whole = {EltOp::kHardSwish};
    return near(a.alpha, 1.0 / 6.0) && near(a.beta, 0.5);
  }
  if (const Node* t = unary_producer(graph, gate, EltOp::kTanh)) {
    const Node* s = unary_producer(graph, t->inputs[0], EltOp::kSoftplus);
    whole = {EltOp::kMish};
    return s && s->inputs[0] == x;
  }
  return false;
}

bool gated(Graph& graph, NodeId n) {
  const Node& node = graph.node(n);
  if (node.op != Op::kBinary || node.as<BinaryAttributes>().op != EltOp::kMul) return false;
  for (size_t i = 0; i < 2; ++i) {
    UnaryAttributes whole;
    if (is_gate_of(graph, node.inputs[1 - i], node.inputs[i], whole))
      return become(graph, n, node.inputs[i], whole);
  }
  return false;
}

/// clip(x + 3, 0, 6) / 6 and x * clip(x + 3, 0, 6) / 6.
bool hard_forms(Graph& graph, NodeId n) {
  const ValueId product = divided(graph, graph.node(n).outputs[0], 6.0);
  if (product == kNoValue) return false;
  if (const ValueId x = shifted_relu6(graph, product); x != kNoValue)
    return become(graph, n, x, {EltOp::kHardSigmoid, 1.0f / 6.0f, 0.5f});
  const Node* mul = binary_producer(graph, product, EltOp::kMul);
  if (!mul) return false;
  for (size_t i = 0; i < 2; ++i)
    if (shifted_relu6(graph, mul->inputs[i]) == mul->inputs[1 - i])
      return become(graph, n, mul->inputs[1 - i], {EltOp::kHardSwish});
  return false;
}

/// log(exp(x) + 1).
bool softplus(Graph& graph, NodeId n) {
  const Node* log = unary_producer(graph, graph.node(n).outputs[0], EltOp::kLog);
  if (!log) return false;
  const ValueId e = with_constant(graph, log->inputs[0], EltOp::kAdd, 1.0);
  const Node* exp = e == kNoValue ? nullptr : unary_producer(graph, e, EltOp::kExp);
  return exp && become(graph, n, exp->inputs[0], {EltOp::kSoftplus});
}

/// Factors of a product of at most three, in any association.
void factors(const Graph& graph, ValueId id, int depth, std::vector<ValueId>& result) {
  const Node* mul = depth > 0 ? binary_producer(graph, id, EltOp::kMul) : nullptr;
  if (!mul) {
    result.push_back(id);
    return;
  }
  for (ValueId operand : mul->inputs) factors(graph, operand, depth - 1, result);
}

/// x^3, as a power or a product in any association.
bool is_cube(const Graph& graph, ValueId id, ValueId x) {
  if (const Node* power = binary_producer(graph, id, EltOp::kPow))
    return power->inputs[0] == x && uniform_constant(graph, power->inputs[1]) == 3.0f;
  std::vector<ValueId> parts;
  factors(graph, id, 2, parts);
  return parts == std::vector<ValueId>{x, x, x};
}

/// x + 0.044715 x^3: x.
ValueId cubic(const Graph& graph, ValueId id) {
  const Node* sum = binary_producer(graph, id, EltOp::kAdd);
  for (size_t i = 0; sum && i < 2; ++i) {
    const ValueId x = sum->inputs[i];
    const ValueId cube = with_constant(graph, sum->inputs[1 - i], EltOp::kMul, 0.044715);
    if (cube != kNoValue && is_cube(graph, cube, x)) return x;
    // 0.044715 x * x * x, the constant somewhere among the factors.
    std::vector<ValueId> parts;
    factors(graph, sum->inputs[1 - i], 3, parts);
    size_t same = 0;
    bool constant = false;
    for (ValueId part : parts) {
      same += part == x;
      const auto k = uniform_constant(graph, part);
      constant |= k && near(*k, 0.044715);
    }
    if (parts.size() == 4 && same == 3 && constant) return x;
  }
  return kNoValue;
}

/// 0.5 * x * (1 + erf(x / sqrt(2))), and 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).
bool gelu(Graph& graph, NodeId n) {
  const Node& node = graph.node(n);
  if (node.op != Op::kBinary || node.as<BinaryAttributes>().op != EltOp::kMul) return false;
  std::vector<ValueId> parts;
  factors(graph, node.outputs[0], 2, parts);
  if (parts.size() != 3) return false;
  std::sort(parts.begin(), parts.end());
  do {
    const auto half = uniform_constant(graph, parts[0]);
    if (!half || *half != 0.5f) continue;
    const ValueId sum = with_constant(graph, parts[2], EltOp::kAdd, 1.0);
    const Node* erf = sum == kNoValue ? nullptr : unary_producer(graph, sum, EltOp::kErf);
    if (erf && divided(graph, erf->inputs[0], std::sqrt(2.0)) == parts[1])
      return become(graph, n, parts[1], {EltOp::kGelu});
    const Node* tanh = sum == kNoValue ? nullptr : unary_producer(graph, sum, EltOp::kTanh);
    const ValueId inner =
        tanh ? with_constant(graph, tanh->inputs[0], EltOp::kMul, std::sqrt(2.0 / 3.14159265358979))
             : kNoValue;
    if (inner != kNoValue && cubic(graph, inner) == parts[1])
      return become(graph, n, parts[1], {EltOp::kGeluTanh});
  } while (std::next_permutation(parts.begin(), parts.end()));
  return false;
}

/// prelu with one slope; min/max with one bound; a clip that is a relu.
bool parametric(Graph& graph, NodeId n) {
  Node& node = graph.node(n);
  if (node.op == Op::kUnary) {
    auto& a = node.as<UnaryAttributes>();
    if (a.op != EltOp::kClip || a.alpha != 0.0f || !(a.beta >= 3.4e38f)) return false;
    a = {EltOp::kRelu};
    return true;
  }
  if (node.op != Op::kBinary || graph.value(node.outputs[0]).dtype != DType::kF32) return false;
  const EltOp op = node.as<BinaryAttributes>().op;
  const auto constant = uniform_constant(graph, node.inputs[1]);
  if (!constant || std::isnan(*constant)) return false;
  if (op == EltOp::kPRelu) return become(graph, n, node.inputs[0], {EltOp::kLeakyRelu, *constant});
  if (op == EltOp::kMax)
    return become(graph, n, node.inputs[0], {EltOp::kClip, *constant, INFINITY});
  if (op == EltOp::kMin)
    return become(graph, n, node.inputs[0], {EltOp::kClip, -INFINITY, *constant});
  return false;
}

/// clip(clip(x)) with both bounds is one clip.
bool nested_clips(Graph& graph, NodeId n) {
  Node& node = graph.node(n);
  if (node.op != Op::kUnary || node.as<UnaryAttributes>().op != EltOp::kClip) return false;
  const Node* inner = unary_producer(graph, node.inputs[0], EltOp::kClip);
  if (!inner) return false;
  auto& outer = node.as<UnaryAttributes>();
  const auto& first = inner->as<UnaryAttributes>();
  if (first.alpha > first.beta || outer.alpha > outer.beta || first.alpha > outer.beta ||
      first.beta < outer.alpha)
    return false;
  outer.alpha = std::max(outer.alpha, first.alpha);
  outer.beta = std::min(outer.beta, first.beta);
  node.inputs[0] = inner->inputs[0];
  return true;
}

size_t run(Graph& graph, const PassContext&) {
  size_t changes = 0;
  for (bool again = true; again;) {
    again = false;
    for (NodeId n : std::vector<NodeId>(graph.order())) {
      if (nested_clips(graph, n) || parametric(graph, n) || softplus(graph, n) ||
          hard_forms(graph, n) || gated(graph, n) || gelu(graph, n)) {
        ++changes;
        again = true;
      }
    }
  }
  remove_dead_code(graph);
  return changes;
}

}  // namespace

/// Requires: nothing beyond a valid graph. Ensures: Silu, HardSigmoid, HardSwish, Softplus, Mish,
/// Gelu, LeakyRelu and Clip are single nodes.
const Pass kRecognizePatternsPass = {"recognize-patterns", true, run};

}  // namespace stint::builder
