// Convolution: packed (2-D, constant weights) and direct (everything else).
#include "host_builder/lowering/cpu/conv_lowering.h"
#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/pack_panels.h"
#include "kernels/cpu/conv_blocking.h"
#include "kernels/cpu/depthwise_blocking.h"

namespace stint::builder {
namespace {

bool is_conv(const Graph& graph, const Node& node) {
  return node.op == Op::kConv && node.outputs.size() == 1 && graph.channels_last &&
         all_f32(graph, node);
}

StepSpec conv_step(const Graph& graph, const Node& node, KernelId kernel, std::string tactic) {
  StepSpec step = step_for(node, kernel, std::move(tactic));
  step.params = to_bytes(conv_params(node));
  step.flops = window_flops(graph, node, conv_terms(graph, node));
  step.bytes = moved_bytes(graph, node);
  // A tile of the output is written after its residual was read, so the two may share memory.
  if (has_operand(node, 3)) step.in_place.emplace_back(step.inputs.size() - 1, 0);
  return step;
}

bool can_pack(const Graph& graph, const Node& node) {
  if (!is_conv(graph, node)) return false;
  const Value& w = graph.value(node.inputs.at(1));
  cpu::GemmScratch scratch;
  return w.is_constant() && w.shape.size() == 4 && w.elements() > 0 &&
         cpu::conv_scratch(w.shape[2] * w.shape[3], w.shape[1], &scratch);
}

StepSpec lower_packed(Graph& graph, const Node& node) {
  const auto& a = node.as<ConvAttributes>();
  StepSpec step = conv_step(graph, node, KernelId::kConv, "conv packed 16");
  const ValueId w_id = node.inputs.at(1);
  const Shape shape = graph.value(w_id).shape;
  const float* w = constant_floats(graph, w_id);
  const int64_t in = shape[1];
  const int64_t taps = shape[2] * shape[3];
  const int64_t out = shape[0] / a.groups;
  // Model order is [o][c][tap]; the kernel walks taps, then channels.
  const auto packed = pack_panels(a.groups, out, taps * in, [&](int64_t g, int64_t o, int64_t k) {
    return w[((g * out + o) * in + k % in) * taps + k / in];
  });
  const Shape packed_shape = {a.groups * cpu::panels_for(out), taps * in, cpu::kPanelColumns};
  step.inputs.at(1) = graph.add_constant(graph.unique_name(graph.value(w_id).name + ".packed"),
                                         DType::kF32, packed_shape, packed);
  cpu::GemmScratch scratch;
  if (!cpu::conv_scratch(taps, in, &scratch))
    throw BuildError("node '" + node.name + "': convolution is too large to be blocked");
  step.worker_scratch_bytes = static_cast<uint64_t>(scratch.bytes);
  return step;
}

double packed_us(const Graph& graph, const Node& node) {
  const Shape& w = graph.value(node.inputs.at(1)).shape;
  const int64_t groups = node.as<ConvAttributes>().groups;
  // A panel of 16 columns is computed whole.
  const int64_t out = w[0] / groups;
  const double waste = static_cast<double>(cpu::panels_for(out) * 16) / static_cast<double>(out);
  return roofline_us(graph, node, window_flops(graph, node, conv_terms(graph, node)) * waste,
                     60.0) +
         0.5 * static_cast<double>(groups);
}

bool can_depthwise(const Graph& graph, const Node& node) {
  if (!is_conv(graph, node)) return false;
  const Value& w = graph.value(node.inputs.at(1));
  const int64_t channels = graph.value(node.inputs.at(0)).shape.back();
  cpu::DepthwiseScratch scratch;
  return w.is_constant() && w.shape.size() == 4 && w.shape[1] == 1 && w.shape[0] == channels &&
         node.as<ConvAttributes>().groups == channels && channels > 1 &&
         cpu::depthwise_scratch(w.shape[2] * w.shape[3], channels, &scratch);
}

StepSpec lower_depthwise(Graph& graph, const Node& node) {
  StepSpec step = conv_step(graph, node, KernelId::kConvDepthwise, "conv depthwise");
  const ValueId w_id = node.inputs.at(1);
  const Shape shape = graph.value(w_id).shape;
  const float* w = constant_floats(graph, w_id);
  const int64_t taps = shape[2] * shape[3];
  const int64_t panels = cpu::panels_for(shape[0]);
  const int64_t padded = panels * cpu::kPanelColumns;
  std::vector<float> packed(static_cast<size_t>(taps * padded));
  for (int64_t c = 0; c < shape[0]; ++c)
    for (int64_t tap = 0; tap < taps; ++tap)
      packed[static_cast<size_t>(tap * padded + c)] = w[c * taps + tap];
  step.inputs.at(1) = graph.add_constant(graph.unique_name(graph.value(w_id).name + ".packed"),
                                         DType::kF32, {taps, panels, cpu::kPanelColumns}, packed);
  cpu::DepthwiseScratch scratch;
  if (!cpu::depthwise_scratch(taps, shape[0], &scratch))
    throw BuildError("node '" + node.name + "': convolution is too large");
  step.worker_scratch_bytes = static_cast<uint64_t>(scratch.bytes);
  return step;
}

double depthwise_us(const Graph& graph, const Node& node) {
  return roofline_us(graph, node, window_flops(graph, node, conv_terms(graph, node)), 20.0);
}

StepSpec lower_direct(Graph& graph, const Node& node) {
  return conv_step(graph, node, KernelId::kConvDirect, "conv direct");
}

double direct_us(const Graph& graph, const Node& node) {
  return roofline_us(graph, node, window_flops(graph, node, conv_terms(graph, node)), 0.8);
}

}  // namespace

const Family kConvPackedFamily = packing_way<can_pack, lower_packed, packed_us>("conv-packed");
const Family kConvDepthwiseFamily =
    packing_way<can_depthwise, lower_depthwise, depthwise_us>("conv-depthwise");
const Family kConvDirectFamily = one_way<is_conv, lower_direct, direct_us>("conv-direct");

}  // namespace stint::builder
