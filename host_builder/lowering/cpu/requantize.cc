// Cast between real numbers that are stored differently.
#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/quantized_lowering.h"

namespace stint::builder {
namespace {

bool can_implement(const Graph& graph, const Node& node) {
  return node.op == Op::kCast && is_quantized_node(graph, node);
}

StepSpec lower(Graph& graph, const Node& node) {
  RequantizeParams p;
  p.x = quant_params(graph, node, 0);
  p.y = quant_params(graph.value(node.outputs[0]));
  StepSpec step = step_for(node, KernelId::kRequantize, "requantize");
  step.params = to_bytes(p);
  step.bytes = moved_bytes(graph, node);
  allow_in_place(graph, step);
  return step;
}

}  // namespace

const Family kRequantizeFamily = cpu_only_way<can_implement, lower, memory_bound_us>("requantize");

}  // namespace stint::builder
