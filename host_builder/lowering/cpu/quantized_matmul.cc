// Matrix product on 8-bit integers with a constant on the right.
#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/quantized_lowering.h"
#include "kernels/cpu/quantized/quantized_blocking.h"

namespace stint::builder {
namespace {

bool can_implement(const Graph& graph, const Node& node) {
  if (node.op != Op::kMatMul) return false;
  const Shape& b = graph.value(node.inputs.at(1)).shape;
  if (b.size() < 2 || !is_quantized_product(graph, node, b.size() - 1)) return false;
  for (size_t i = 0; i + 2 < b.size(); ++i)
    if (b[i] != 1) return false;
  // Axes of b alone would be the result's.
  const Shape& a = graph.value(node.inputs[0]).shape;
  cpu::GemmScratch scratch;
  return a.size() == graph.value(node.outputs[0]).shape.size() &&
         cpu::quantized_matmul_scratch(a.back(), &scratch);
}

StepSpec lower(Graph& graph, const Node& node) {
  const Value& weights = graph.value(node.inputs[1]);
  const int64_t n = weights.shape.back();
  const int64_t k = graph.value(node.inputs[0]).shape.back();
  const Bytes bytes = weights.constant;
  const auto* w = reinterpret_cast<const int8_t*>(bytes->data());
  const WeightAt at = [=](int64_t channel, int64_t i) { return w[i * n + channel]; };
  QuantizedMatMulParams p;
  p.matmul.b_packed = 1;
  p.matmul.n = checked_int32(n, node, "columns");
  p.matmul.epilogue = epilogue_params(node, node.as<MatMulAttributes>().epilogue);
  p.matmul.epilogue.has_bias = 1;
  p.x = quant_params(graph, node, 0);
  p.y = quant_params(graph.value(node.outputs[0]));
  p.residual = quant_params(graph, node, 3);
  StepSpec step = step_for(node, KernelId::kQuantizedMatMul, "quantized matmul packed 16x4");
  step.params = to_bytes(p);
  step.flops = matmul_flops(graph, node);
  step.bytes = moved_bytes(graph, node);
  const Shape packed = {cpu::panels_for(n), cpu::quantized_panel_rows(k), cpu::kQuadRow};
  set_quantized_inputs(graph, node, step, packed, pack_quads(1, n, k, at), n, k, at);
  cpu::GemmScratch scratch;
  if (!cpu::quantized_matmul_scratch(k, &scratch))
    throw BuildError("node '" + node.name + "': matrix product is too large");
  step.worker_scratch_bytes = static_cast<uint64_t>(scratch.bytes);
  return step;
}

double cost_us(const Graph& graph, const Node& node) {
  return roofline_us(graph, node, matmul_flops(graph, node), kQuantizedGflops);
}

}  // namespace

const Family kQuantizedMatMulFamily =
    packing_way<can_implement, lower, cost_us>("quantized-matmul");

}  // namespace stint::builder
