// Batch normalisation and constant per-channel Mul, Add, Sub and Div that follow a linear node
// vanish into its weights; so does one factor for all elements (attention's scale) that only finds
// such a node behind reshapes, transposes and products.
#include <cmath>
#include <utility>

#include "host_builder/passes/linear.h"
#include "host_builder/passes/passes.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {

namespace {

/// y = x * scale + shift, per channel.
struct Affine {
  ValueId x;
  std::vector<double> scale, shift;
};

std::optional<Affine> batch_norm(const Graph& graph, const Node& node) {
  std::vector<float> parts[4];
  for (size_t i = 0; i < 4; ++i) {
    const auto part = f32_constant(graph, node.inputs[1 + i]);
    if (!part) return std::nullopt;
    parts[i] = *part;
  }
  const double epsilon = node.as<NormAttributes>().epsilon;
  Affine result{node.inputs[0], {}, {}};
  for (size_t c = 0; c < parts[0].size(); ++c) {
    const double s = parts[0][c] / std::sqrt(parts[3][c] + epsilon);
    result.scale.push_back(s);
    result.shift.push_back(parts[1][c] - parts[2][c] * s);
  }
  return result;
}

std::optional<Affine> constant_binary(const Graph& graph, const Node& node, size_t which,
                                      size_t axis, int64_t channels) {
  const EltOp op = node.as<BinaryAttributes>().op;
  const ValueId x = node.inputs[1 - which];
  const Shape& shape = graph.value(x).shape;
  if (shape != graph.value(node.outputs[0]).shape) return std::nullopt;
  const auto constant = channel_constant(graph, node.inputs[which], shape.size(), axis, channels);
  if (!constant) return std::nullopt;
  Affine result{x, {}, {}};
  for (float k : *constant) {
    double scale = 1.0, shift = 0.0;
    switch (op) {
      case EltOp::kAdd:
        shift = k;
        break;
      case EltOp::kMul:
        scale = k;
        break;
      case EltOp::kSub:
        scale = which == 1 ? 1.0 : -1.0;
        shift = which == 1 ? -static_cast<double>(k) : k;
        break;
      case EltOp::kDiv:
        if (which == 0 || k == 0.0f) return std::nullopt;
        scale = 1.0 / k;
        break;
      default:
        return std::nullopt;
    }
    result.scale.push_back(scale);
    result.shift.push_back(shift);
  }
  return result;
}

bool fold(Graph& graph, NodeId n) {
  const Node& node = graph.node(n);
  if (node.op != Op::kBatchNorm && node.op != Op::kBinary) return false;
  for (size_t which = 0; which < (node.op == Op::kBinary ? 2u : 1u); ++which) {
    const ValueId x = node.inputs[node.op == Op::kBinary ? 1 - which : 0];
    const auto linear = graph.producer(x);
    if (!linear || !is_linear(graph.node(*linear).op) || !used_once(graph, x)) continue;
    const Node& before = graph.node(*linear);
    if (graph.value(x).shape.size() < 2) continue;
    const size_t axis = output_channel_axis(graph, before);
    std::optional<Affine> affine;
    if (node.op == Op::kBatchNorm) {
      if (axis == 1) affine = batch_norm(graph, node);
    } else {
      affine = constant_binary(graph, node, which, axis, output_channels(graph, before));
    }
    if (!affine || !fold_affine(graph, *linear, affine->scale, affine->shift)) continue;
    record_fusion(graph.node(*linear), node);
    // The linear node now computes what this one did: the value of that name, not its own.
    graph.node(*linear).outputs[0] = node.outputs[0];
    graph.remove_node(n);
    return true;
  }
  return false;
}

std::optional<NodeId> scale_at_origin(Graph& graph, ValueId id, double factor);

/// Of a value on the way there, which gets a name of its own: it is no longer what the model calls
/// so.
std::optional<NodeId> scale_operand(Graph& graph, ValueId id, double factor) {
  const auto origin = scale_at_origin(graph, id, factor);
  if (origin) graph.value(id).name = graph.unique_name(graph.value(id).name + "_scaled");
  return origin;
}

/// Multiplies the value by a factor without a node for it: through what passes a factor on, into
/// constant weights. The linear node, if it succeeds.
std::optional<NodeId> scale_at_origin(Graph& graph, ValueId id, double factor) {
  const auto n = graph.producer(id);
  if (!n || !used_once(graph, id)) return std::nullopt;
  const Node& node = graph.node(*n);
  if (node.op == Op::kReshape || node.op == Op::kTranspose)
    return scale_operand(graph, node.inputs[0], factor);
  if (!is_linear(node.op)) return std::nullopt;
  if (graph.value(node.inputs[kWeightOperand]).constant) {
    const auto channels = static_cast<size_t>(output_channels(graph, node));
    const std::vector<double> scale(channels, factor), shift(channels, 0.0);
    return fold_affine(graph, *n, scale, shift) ? n : std::nullopt;
  }
  if (node.op != Op::kMatMul || !has_plain_epilogue(node) || has_operand(node, kBiasOperand))
    return std::nullopt;
  for (size_t i = 0; i < 2; ++i)
    if (const auto origin = scale_operand(graph, graph.node(*n).inputs[i], factor)) return origin;
  return std::nullopt;
}

bool fold_factor(Graph& graph, NodeId n) {
  const Node& node = graph.node(n);
  if (node.op != Op::kBinary) return false;
  const EltOp op = node.as<BinaryAttributes>().op;
  for (size_t which = 0; which < 2; ++which) {
    const ValueId x = node.inputs[1 - which];
    const auto constant = uniform_constant(graph, node.inputs[which]);
    if (!constant || graph.value(x).shape != graph.value(node.outputs[0]).shape) continue;
    if (op != EltOp::kMul && (op != EltOp::kDiv || which == 0 || *constant == 0.0f)) continue;
    if (!can_replace(graph, node.outputs[0], x)) continue;
    const double factor = op == EltOp::kMul ? *constant : 1.0 / *constant;
    const auto origin = scale_at_origin(graph, x, factor);
    if (!origin) continue;
    record_fusion(graph.node(*origin), node);
    const ValueId y = node.outputs[0];
    // Of a graph output replace_uses() itself takes the name over.
    if (!graph.is_output(y)) std::swap(graph.value(x).name, graph.value(y).name);
    graph.replace_uses(y, x);
    graph.remove_node(n);
    return true;
  }
  return false;
}

size_t run(Graph& graph, const PassContext&) {
  size_t changes = 0;
  for (NodeId n : std::vector<NodeId>(graph.order()))
    if (fold(graph, n) || fold_factor(graph, n)) ++changes;
  return changes;
}

}  // namespace

/// Requires: channels are axis 1 (before the layout pass). Ensures: no batch normalisation or
/// constant per-channel scale follows a convolution or product with constant weights that nobody
/// else reads.
const Pass kFoldScalesPass = {"fold-scales", true, run};

}  // namespace stint::builder
