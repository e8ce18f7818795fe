// Batch normalisation and constant per-channel Mul, Add, Sub and Div that follow a linear node
// vanish into its weights.
#include <cmath>

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
    graph.replace_uses(node.outputs[0], x);
    graph.remove_node(n);
    return true;
  }
  return false;
}

size_t run(Graph& graph) {
  size_t changes = 0;
  for (NodeId n : std::vector<NodeId>(graph.order()))
    if (fold(graph, n)) ++changes;
  return changes;
}

}  // namespace

const Pass kFoldScalesPass = {
    "fold-scales",
    "channels are axis 1 (before the layout pass)",
    "no batch normalisation or constant per-channel scale follows a convolution or product with "
    "constant weights that nobody else reads",
    true,
    run,
};

}  // namespace stint::builder
