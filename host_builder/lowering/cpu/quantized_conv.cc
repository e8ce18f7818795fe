// Convolution on 8-bit integers: packed, and depthwise.
#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/quantized_lowering.h"
#include "kernels/cpu/depthwise_blocking.h"
#include "kernels/cpu/quantized/quantized_blocking.h"

namespace stint::builder {
namespace {

bool can_pack(const Graph& graph, const Node& node) {
  if (node.op != Op::kConv || !graph.channels_last || !is_quantized_product(graph, node, 0))
    return false;
  const Shape& w = graph.value(node.inputs[1]).shape;
  cpu::GemmScratch scratch;
  return w.size() == 4 && cpu::quantized_conv_scratch(w[2] * w[3], w[1], &scratch);
}

QuantizedConvParams params_of(const Graph& graph, const Node& node) {
  QuantizedConvParams p;
  p.conv = conv_params(node);
  p.conv.epilogue.has_bias = 1;
  p.x = quant_params(graph, node, 0);
  p.y = quant_params(graph.value(node.outputs[0]));
  p.residual = quant_params(graph, node, 3);
  return p;
}

StepSpec lower_packed(Graph& graph, const Node& node) {
  const int64_t groups = node.as<ConvAttributes>().groups;
  const Value& weights = graph.value(node.inputs[1]);
  const Shape shape = weights.shape;
  const int64_t in = shape[1], taps = shape[2] * shape[3], out = shape[0] / groups;
  const Bytes bytes = weights.constant;
  const auto* w = reinterpret_cast<const int8_t*>(bytes->data());
  // Model order is [o][c][tap]; the kernel walks taps, then channels.
  const WeightAt at = [=](int64_t channel, int64_t k) {
    return w[(channel * in + k % in) * taps + k / in];
  };
  StepSpec step = step_for(node, KernelId::kQuantizedConv, "quantized conv packed 16x4");
  step.params = to_bytes(params_of(graph, node));
  step.flops = window_flops(graph, node, conv_terms(graph, node));
  step.bytes = moved_bytes(graph, node);
  const Shape packed = {groups * cpu::panels_for(out), cpu::quantized_panel_rows(taps * in),
                        cpu::kQuadRow};
  set_quantized_inputs(graph, node, step, packed, pack_quads(groups, out, taps * in, at), shape[0],
                       taps * in, at);
  cpu::GemmScratch scratch;
  if (!cpu::quantized_conv_scratch(taps, in, &scratch))
    throw BuildError("node '" + node.name + "': convolution is too large to be blocked");
  step.worker_scratch_bytes = static_cast<uint64_t>(scratch.bytes);
  return step;
}

double packed_us(const Graph& graph, const Node& node) {
  const Shape& w = graph.value(node.inputs[1]).shape;
  const int64_t groups = node.as<ConvAttributes>().groups;
  // Panels of 16 columns and quads are computed whole.
  const int64_t out = w[0] / groups, depth = w[1] * w[2] * w[3];
  const double waste = static_cast<double>(cpu::panels_for(out) * 16 * cpu::quads_for(depth) * 4) /
                       static_cast<double>(out * depth);
  return roofline_us(graph, node, window_flops(graph, node, conv_terms(graph, node)) * waste,
                     kQuantizedGflops) +
         0.5 * static_cast<double>(groups);
}

bool can_depthwise(const Graph& graph, const Node& node) {
  if (node.op != Op::kConv || !graph.channels_last || !is_quantized_product(graph, node, 0))
    return false;
  const Shape& w = graph.value(node.inputs[1]).shape;
  const int64_t channels = graph.value(node.inputs[0]).shape.back();
  cpu::DepthwiseScratch scratch;
  return w.size() == 4 && w[1] == 1 && w[0] == channels && channels > 1 &&
         node.as<ConvAttributes>().groups == channels && w[2] * w[3] <= cpu::kMaxQuantizedDepth &&
         cpu::depthwise_scratch(w[2] * w[3], channels, &scratch);
}

StepSpec lower_depthwise(Graph& graph, const Node& node) {
  const Value& weights = graph.value(node.inputs[1]);
  const Shape shape = weights.shape;
  const int64_t taps = shape[2] * shape[3], panels = cpu::panels_for(shape[0]);
  const Bytes bytes = weights.constant;
  const auto* w = reinterpret_cast<const int8_t*>(bytes->data());
  const WeightAt at = [=](int64_t channel, int64_t k) { return w[channel * taps + k]; };
  std::vector<int8_t> packed(static_cast<size_t>(taps * panels * cpu::kPanelColumns));
  for (int64_t c = 0; c < shape[0]; ++c)
    for (int64_t tap = 0; tap < taps; ++tap)
      packed[static_cast<size_t>(tap * panels * cpu::kPanelColumns + c)] = at(c, tap);
  StepSpec step = step_for(node, KernelId::kQuantizedConvDepthwise, "quantized conv depthwise");
  step.params = to_bytes(params_of(graph, node));
  step.flops = window_flops(graph, node, conv_terms(graph, node));
  step.bytes = moved_bytes(graph, node);
  set_quantized_inputs(graph, node, step, {taps, panels, cpu::kPanelColumns}, packed, shape[0],
                       taps, at);
  cpu::DepthwiseScratch scratch;
  if (!cpu::depthwise_scratch(taps, shape[0], &scratch))
    throw BuildError("node '" + node.name + "': convolution is too large");
  step.worker_scratch_bytes = static_cast<uint64_t>(scratch.bytes);
  return step;
}

double depthwise_us(const Graph& graph, const Node& node) {
  return roofline_us(graph, node, window_flops(graph, node, conv_terms(graph, node)), 40.0);
}

}  // namespace

const Family kQuantizedConvFamily =
    packing_way<can_pack, lower_packed, packed_us>("quantized-conv");
const Family kQuantizedConvDepthwiseFamily =
    packing_way<can_depthwise, lower_depthwise, depthwise_us>("quantized-conv-depthwise");

}  // namespace stint::builder
