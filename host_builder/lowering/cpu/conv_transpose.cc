// Transposed convolution.
#include "host_builder/lowering/cpu/conv_lowering.h"
#include "host_builder/lowering/cpu/families.h"

namespace stint::builder {
namespace {

/// Terms per output element: the kernel positions a phase sees times the group's input channels.
double transpose_terms(const Graph& graph, const Node& node) {
  const auto& a = node.as<ConvTransposeAttributes>();
  const Shape& w = graph.value(node.inputs.at(1)).shape;
  double terms = static_cast<double>(w[0]) / static_cast<double>(a.groups);
  for (size_t i = 2; i < w.size(); ++i) {
    const int64_t stride = a.strides.empty() ? 1 : a.strides.at(i - 2);
    terms *= std::max(1.0, static_cast<double>(w[i]) / static_cast<double>(stride));
  }
  return terms;
}

bool is_transpose(const Graph& graph, const Node& node) {
  return node.op == Op::kConvTranspose && graph.channels_last && all_f32(graph, node);
}

ConvParams transpose_params(const Node& node) {
  const auto& a = node.as<ConvTransposeAttributes>();
  ConvParams p;
  set_window(p, a, node);
  p.groups = checked_int32(a.groups, node, "groups");
  p.epilogue = epilogue_params(node, a.epilogue);
  return p;
}

StepSpec lower_direct(Graph& graph, const Node& node) {
  StepSpec step = step_for(node, KernelId::kConvTranspose, "conv-transpose direct");
  step.params = to_bytes(transpose_params(node));
  step.flops = window_flops(graph, node, transpose_terms(graph, node));
  step.bytes = moved_bytes(graph, node);
  if (has_operand(node, 3)) step.in_place.emplace_back(step.inputs.size() - 1, 0);
  return step;
}

double direct_us(const Graph& graph, const Node& node) {
  return roofline_us(graph, node, window_flops(graph, node, transpose_terms(graph, node)), 0.8);
}

}  // namespace

const Family kConvTransposeDirectFamily =
    one_way<is_transpose, lower_direct, direct_us>("conv-transpose-direct");

}  // namespace stint::builder
