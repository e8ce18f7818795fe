#include "host_builder/passes/linear.h"

#include "host_builder/passes/rewrite.h"

namespace stint::builder {

bool is_linear(Op op) { return op == Op::kConv || op == Op::kConvTranspose || op == Op::kMatMul; }

Epilogue& epilogue_of(Node& node) {
  if (node.op == Op::kConv) return node.as<ConvAttributes>().epilogue;
  if (node.op == Op::kConvTranspose) return node.as<ConvTransposeAttributes>().epilogue;
  return node.as<MatMulAttributes>().epilogue;
}

const Epilogue& epilogue_of(const Node& node) { return epilogue_of(const_cast<Node&>(node)); }

bool has_plain_epilogue(const Node& node) {
  return epilogue_of(node).act == Activation::kNone && !has_operand(node, kResidualOperand);
}

void set_operand(Node& node, size_t i, ValueId id) {
  if (node.inputs.size() <= i) node.inputs.resize(i + 1, kNoValue);
  node.inputs[i] = id;
}

int64_t output_channels(const Graph& graph, const Node& node) {
  const Shape& w = graph.value(node.inputs[kWeightOperand]).shape;
  switch (node.op) {
    case Op::kConv:
      return w[0];
    case Op::kConvTranspose:
      return w[1] * node.as<ConvTransposeAttributes>().groups;
    default:
      return w.back();
  }
}

size_t output_channel_axis(const Graph& graph, const Node& node) {
  const size_t rank = graph.value(node.outputs[0]).shape.size();
  return node.op == Op::kMatMul || graph.channels_last ? rank - 1 : 1;
}

namespace {

/// Output channel of weight element `i`.
int64_t channel_of_weight(const Node& node, const Shape& w, int64_t i) {
  if (node.op == Op::kMatMul) return i % w.back();
  int64_t taps = 1;
  for (size_t d = 2; d < w.size(); ++d) taps *= w[d];
  if (node.op == Op::kConv) return i / (taps * w[1]);
  const int64_t per_group_in = w[0] / node.as<ConvTransposeAttributes>().groups;
  const int64_t input = i / (taps * w[1]);
  return input / per_group_in * w[1] + i / taps % w[1];
}

}  // namespace

bool fold_affine(Graph& graph, NodeId n, const std::vector<double>& scale,
                 const std::vector<double>& shift) {
  Node& node = graph.node(n);
  if (!has_plain_epilogue(node)) return false;
  if (node.op == Op::kMatMul && (graph.value(node.inputs[0]).shape.size() < 2 ||
                                 graph.value(node.inputs[kWeightOperand]).shape.size() < 2))
    return false;  // the product of a vector has no channels
  bool scales = false;
  for (double s : scale) scales |= s != 1.0;
  const auto weights = f32_constant(graph, node.inputs[kWeightOperand]);
  if (scales && !weights) return false;
  std::vector<float> bias(scale.size(), 0.0f);
  if (has_operand(node, kBiasOperand)) {
    const auto old = f32_constant(graph, node.inputs[kBiasOperand]);
    if (!old || old->size() != scale.size()) return false;
    bias = *old;
  }
  if (scales) {
    std::vector<float> scaled = *weights;
    const Value& w = graph.value(node.inputs[kWeightOperand]);
    for (size_t i = 0; i < scaled.size(); ++i) {
      const auto c = static_cast<size_t>(channel_of_weight(node, w.shape, static_cast<int64_t>(i)));
      scaled[i] = static_cast<float>(scaled[i] * scale[c]);
    }
    node.inputs[kWeightOperand] = add_f32_constant(graph, w.name + "_scaled", w.shape, scaled);
  }
  for (size_t c = 0; c < bias.size(); ++c)
    bias[c] = static_cast<float>(bias[c] * scale[c] + shift[c]);
  set_operand(
      node, kBiasOperand,
      add_f32_constant(graph, node.name + "_bias", {static_cast<int64_t>(bias.size())}, bias));
  return true;
}

}  // namespace stint::builder
