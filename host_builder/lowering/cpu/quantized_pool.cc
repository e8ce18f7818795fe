// Max and average pooling of 8-bit integers.
#include "plan_schema/params/pool.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/quantized_lowering.h"

namespace stint::builder {
namespace {

bool can_implement(const Graph& graph, const Node& node) {
  if (node.op != Op::kPool || !graph.channels_last || node.outputs.size() != 1) return false;
  const Value& x = graph.value(node.inputs.at(0));
  const Value& y = graph.value(node.outputs[0]);
  if (!is_quantized(graph, x) || !is_real(graph, node.outputs[0])) return false;
  const auto& a = node.as<PoolAttributes>();
  if (a.kind != PoolKind::kMax) return true;
  const QuantParams of_x = quant_params(x), of_y = quant_params(y);
  return x.dtype == y.dtype && of_x.scale == of_y.scale && of_x.zero_point == of_y.zero_point;
}

StepSpec lower(Graph& graph, const Node& node) {
  QuantizedPoolParams p;
  p.pool = pool_params(node);
  p.x = quant_params(graph, node, 0);
  p.y = quant_params(graph.value(node.outputs[0]));
  StepSpec step = step_for(node, KernelId::kQuantizedPool,
                           p.pool.is_max ? "quantized pool max" : "quantized pool average");
  step.params = to_bytes(p);
  step.flops = pool_flops(graph, node);
  step.bytes = moved_bytes(graph, node);
  return step;
}

double cost_us(const Graph& graph, const Node& node) { return roofline_us(graph, node, 0, 1.0); }

}  // namespace

const Family kQuantizedPoolFamily = cpu_only_way<can_implement, lower, cost_us>("quantized-pool");

}  // namespace stint::builder
