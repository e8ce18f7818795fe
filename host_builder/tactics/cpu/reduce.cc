#include "plan_schema/params/reduce.h"

#include "host_builder/tactics/cpu/families.h"
#include "host_builder/tactics/cpu/lowering.h"

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

}  // namespace

const CpuFamily kReduceFamily = {"reduce", is_reduce, lower_reduce, memory_bound_us};

}  // namespace stint::builder
