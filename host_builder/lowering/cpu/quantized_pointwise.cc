// Element-wise programs with operands or results of 8-bit integers that stand for real numbers.
#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/pointwise_program.h"
#include "host_builder/lowering/cpu/quantized_lowering.h"

namespace stint::builder {
namespace {

bool can_implement(const Graph& graph, const Node& node) {
  return has_program(node) && is_quantized_node(graph, node);
}

StepSpec lower(Graph& graph, const Node& node) {
  const std::vector<PointwiseOp> program = program_of(node);
  QuantizedPointwiseParams p;
  p.program.instruction_count = static_cast<uint8_t>(program.size());
  p.y = quant_params(graph.value(node.outputs[0]));
  for (size_t i = 0; i < node.inputs.size(); ++i) p.inputs[i] = quant_params(graph, node, i);
  StepSpec step = step_for(node, KernelId::kQuantizedPointwise,
                           "quantized pointwise " + std::to_string(program.size()));
  step.params = to_bytes(p, program);
  step.worker_scratch_bytes = pointwise_scratch_bytes(static_cast<int64_t>(step.inputs.size()),
                                                      static_cast<int64_t>(program.size()));
  step.bytes = moved_bytes(graph, node);
  step.flops = static_cast<double>(graph.value(node.outputs[0]).elements()) *
               static_cast<double>(program.size());
  allow_in_place(graph, step);
  return step;
}

double cost_us(const Graph& graph, const Node& node) {
  return program_us(graph, node, program_of(node).size());
}

}  // namespace

const Family kQuantizedPointwiseFamily =
    cpu_only_way<can_implement, lower, cost_us>("quantized-pointwise");

}  // namespace stint::builder
