// Max and average pooling.
#include "host_builder/lowering/cpu/conv_lowering.h"
#include "host_builder/lowering/cpu/families.h"

namespace stint::builder {
namespace {

bool is_pool(const Graph& graph, const Node& node) {
  return node.op == Op::kPool && graph.channels_last && is_f32(graph, node.inputs.at(0)) &&
         is_f32(graph, node.outputs.at(0));
}

StepSpec lower_pool(Graph& graph, const Node& node) {
  const PoolParams p = pool_params(node);
  StepSpec step = step_for(node, KernelId::kPool, p.is_max ? "pool max" : "pool average");
  step.params = to_bytes(p);
  step.flops = pool_flops(graph, node);
  step.bytes = moved_bytes(graph, node);
  return step;
}

double pool_us(const Graph& graph, const Node& node) { return roofline_us(graph, node, 0, 1.0); }

}  // namespace

const Family kPoolDirectFamily = one_way<is_pool, lower_pool, pool_us>("pool");

}  // namespace stint::builder
