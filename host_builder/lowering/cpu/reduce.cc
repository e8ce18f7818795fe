#include "plan_schema/params/reduce.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"

namespace stint::builder {
namespace {

bool is_reduce(const Graph&, const Node& node) { return node.op == Op::kReduce; }

StepSpec lower_reduce(Graph& graph, const Node& node) {
  const auto& attributes = node.as<ReduceAttributes>();
  const size_t rank = graph.value(node.inputs.at(0)).shape.size();
  ReduceParams params;
  params.op = attributes.op;
  params.keep_dims = attributes.keep_dims ? 1 : 0;
  for (const int64_t axis : attributes.axes)
    params.axes = static_cast<uint8_t>(params.axes | 1u << normalized_axis(axis, rank, node));
  StepSpec step = step_for(node, KernelId::kReduce, "reduce");
  step.params = to_bytes(params);
  step.bytes = moved_bytes(graph, node);
  return step;
}

bool is_arg_reduce(const Graph&, const Node& node) { return node.op == Op::kArgReduce; }

StepSpec lower_arg_reduce(Graph& graph, const Node& node) {
  const auto& attributes = node.as<ArgReduceAttributes>();
  const size_t rank = graph.value(node.inputs.at(0)).shape.size();
  ArgReduceParams params;
  params.axis = static_cast<uint8_t>(normalized_axis(attributes.axis, rank, node));
  params.is_max = attributes.is_max ? 1 : 0;
  params.keep_dims = attributes.keep_dims ? 1 : 0;
  params.select_last = attributes.select_last ? 1 : 0;
  StepSpec step = step_for(node, KernelId::kArgReduce, "arg-reduce");
  step.params = to_bytes(params);
  step.bytes = moved_bytes(graph, node);
  return step;
}

bool is_top_k(const Graph&, const Node& node) { return node.op == Op::kTopK; }

StepSpec lower_top_k(Graph& graph, const Node& node) {
  const auto& attributes = node.as<TopKAttributes>();
  const size_t rank = graph.value(node.inputs.at(0)).shape.size();
  const auto wanted = [&](size_t i) {
    return static_cast<uint8_t>(i < node.outputs.size() && node.outputs[i] != kNoValue);
  };
  TopKParams params;
  params.axis = static_cast<uint8_t>(normalized_axis(attributes.axis, rank, node));
  params.largest = attributes.largest ? 1 : 0;
  params.has_values = wanted(0);
  params.has_indices = wanted(1);
  StepSpec step = step_for(node, KernelId::kTopK, "top-k");
  step.params = to_bytes(params);
  const Shape& shape = graph.value(step.outputs.at(0)).shape;
  step.worker_scratch_bytes = topk_scratch_bytes(shape.at(params.axis));
  step.bytes = moved_bytes(graph, node);
  return step;
}

bool is_cumulative(const Graph&, const Node& node) { return node.op == Op::kCumulative; }

StepSpec lower_cumulative(Graph& graph, const Node& node) {
  const auto& attributes = node.as<CumulativeAttributes>();
  const size_t rank = graph.value(node.inputs.at(0)).shape.size();
  CumulativeParams params;
  params.axis = static_cast<uint8_t>(normalized_axis(attributes.axis, rank, node));
  params.product = attributes.product ? 1 : 0;
  params.exclusive = attributes.exclusive ? 1 : 0;
  params.reverse = attributes.reverse ? 1 : 0;
  StepSpec step = step_for(node, KernelId::kCumulative, "cumulative");
  step.params = to_bytes(params);
  step.bytes = moved_bytes(graph, node);
  allow_in_place(graph, step);
  return step;
}

}  // namespace

const Family kArgReduceFamily =
    one_way<is_arg_reduce, lower_arg_reduce, memory_bound_us>("arg-reduce");
const Family kCumulativeFamily =
    one_way<is_cumulative, lower_cumulative, memory_bound_us>("cumulative");
const Family kTopKFamily = one_way<is_top_k, lower_top_k, memory_bound_us>("top-k");
const Family kReduceFamily = one_way<is_reduce, lower_reduce, memory_bound_us>("reduce");

}  // namespace stint::builder
