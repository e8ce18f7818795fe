// Softmax, instance, layer and local response normalisation.
#include "plan_schema/params/norm.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"
#include "plan_schema/params/elementwise.h"

namespace stint::builder {
namespace {

template <Op op>
bool is_floating(const Graph& graph, const Node& node) {
  return node.op == op && is_float(graph.value(node.inputs.at(0)).dtype);
}

size_t rank_of(const Graph& graph, const Node& node) {
  return graph.value(node.inputs.at(0)).shape.size();
}

uint8_t channel_axis(const Graph& graph, const Node& node) {
  return static_cast<uint8_t>(graph.channels_last ? rank_of(graph, node) - 1 : 1);
}

template <typename P>
StepSpec step_of(const Graph& graph, const Node& node, KernelId kernel, const char* tactic,
                 const P& params) {
  StepSpec step = step_for(node, kernel, tactic);
  step.params = to_bytes(params);
  step.bytes = moved_bytes(graph, node);
  return step;
}

StepSpec lower_softmax(Graph& graph, const Node& node) {
  const auto& attributes = node.as<SoftmaxAttributes>();
  SoftmaxParams params;
  params.axis = static_cast<uint8_t>(normalized_axis(attributes.axis, rank_of(graph, node), node));
  params.log = attributes.log ? 1 : 0;
  StepSpec step = step_of(graph, node, KernelId::kSoftmax, "softmax", params);
  allow_in_place(graph, step);
  return step;
}

StepSpec lower_instance_norm(Graph& graph, const Node& node) {
  InstanceNormParams params;
  params.epsilon = node.as<NormAttributes>().epsilon;
  params.channel_axis = channel_axis(graph, node);
  return step_of(graph, node, KernelId::kInstanceNorm, "instance-norm", params);
}

StepSpec lower_layer_norm(Graph& graph, const Node& node) {
  const auto& attributes = node.as<NormAttributes>();
  const auto present = [](const std::vector<ValueId>& ids, size_t i) {
    return static_cast<uint8_t>(i < ids.size() && ids[i] != kNoValue);
  };
  LayerNormParams params;
  params.epsilon = attributes.epsilon;
  params.axis = static_cast<uint8_t>(normalized_axis(attributes.axis, rank_of(graph, node), node));
  params.has_bias = present(node.inputs, 2);
  params.has_mean = present(node.outputs, 1);
  params.has_inv_std = present(node.outputs, 2);
  return step_of(graph, node, KernelId::kLayerNorm, "layer-norm", params);
}

StepSpec lower_lrn(Graph& graph, const Node& node) {
  const auto& attributes = node.as<LrnAttributes>();
  LrnParams params;
  params.size = attributes.size;
  params.alpha = attributes.alpha;
  params.beta = attributes.beta;
  params.bias = attributes.bias;
  params.channel_axis = channel_axis(graph, node);
  return step_of(graph, node, KernelId::kLrn, "lrn", params);
}

}  // namespace

const Family kSoftmaxFamily =
    one_way<is_floating<Op::kSoftmax>, lower_softmax, memory_bound_us>("softmax");
const Family kInstanceNormFamily =
    one_way<is_floating<Op::kInstanceNorm>, lower_instance_norm, memory_bound_us>("instance-norm");
const Family kLayerNormFamily =
    one_way<is_floating<Op::kLayerNorm>, lower_layer_norm, memory_bound_us>("layer-norm");
const Family kLrnFamily = one_way<is_floating<Op::kLrn>, lower_lrn, memory_bound_us>("lrn");

}  // namespace stint::builder
