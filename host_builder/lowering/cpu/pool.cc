// Max and average pooling.
#include "plan_schema/params/pool.h"

#include "host_builder/lowering/cpu/conv_lowering.h"
#include "host_builder/lowering/cpu/families.h"

namespace stint::builder {
namespace {

bool is_pool(const Graph& graph, const Node& node) {
  return node.op == Op::kPool && graph.channels_last && is_f32(graph, node.inputs.at(0));
}

StepSpec lower_pool(Graph& graph, const Node& node) {
  const auto& a = node.as<PoolAttributes>();
  PoolParams p;
  set_window(p, a, node);
  for (size_t i = 0; i < a.pads_end.size(); ++i)
    p.pad_end[i] = checked_int32(a.pads_end[i], node, "padding");
  p.is_max = a.kind == PoolKind::kMax;
  p.count_include_pad = a.count_include_pad;
  p.column_major_indices = a.column_major_indices;
  StepSpec step = step_for(node, KernelId::kPool, p.is_max ? "pool max" : "pool average");
  step.params = to_bytes(p);
  double cells = 1;
  for (const int64_t k : a.kernel) cells *= static_cast<double>(k);
  step.flops = window_flops(graph, node, cells) / 2;
  step.bytes = moved_bytes(graph, node);
  return step;
}

double pool_us(const Graph& graph, const Node& node) { return roofline_us(graph, node, 0, 1.0); }

}  // namespace

const Family kPoolDirectFamily = one_way<is_pool, lower_pool, pool_us>("pool");

}  // namespace stint::builder
