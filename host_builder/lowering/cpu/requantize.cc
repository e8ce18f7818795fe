// Conversion between real numbers that are stored differently, and to and from integers.
#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/quantized_lowering.h"

namespace stint::builder {
namespace {

bool can_implement(const Graph& graph, const Node& node) {
  if (node.op == Op::kCast) return is_quantized_node(graph, node);
  if (node.op == Op::kQuantize) return graph.value(node.inputs[0]).dtype == DType::kF32;
  return node.op == Op::kDequantize && graph.value(node.outputs[0]).dtype == DType::kF32;
}

/// The integers of Quantize and Dequantize are no numbers in storage: the node says what they mean.
RequantizeParams params_of(const Graph& graph, const Node& node) {
  RequantizeParams p;
  if (node.op == Op::kCast) {
    p.x = quant_params(graph, node, 0);
    p.y = quant_params(graph.value(node.outputs[0]));
    return p;
  }
  const auto& a = node.as<QuantizeAttributes>();
  (node.op == Op::kQuantize ? p.y : p.x) = {a.scale, a.zero_point};
  return p;
}

StepSpec lower(Graph& graph, const Node& node) {
  StepSpec step = step_for(node, KernelId::kRequantize, "requantize");
  step.params = to_bytes(params_of(graph, node));
  step.bytes = moved_bytes(graph, node);
  allow_in_place(graph, step);
  return step;
}

}  // namespace

const Family kRequantizeFamily = packing_way<can_implement, lower, memory_bound_us>("requantize");

}  // namespace stint::builder
