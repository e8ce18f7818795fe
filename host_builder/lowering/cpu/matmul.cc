// Matrix product with a packed constant or a tensor on the right.
#include "plan_schema/params/matmul.h"

#include "host_builder/lowering/cpu/conv_lowering.h"
#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/pack_panels.h"
#include "kernels/cpu/matmul_blocking.h"

namespace stint::builder {
namespace {

bool is_matmul(const Graph& graph, const Node& node) {
  if (node.op != Op::kMatMul || !all_f32(graph, node)) return false;
  const Shape& a = graph.value(node.inputs.at(0)).shape;
  return !a.empty() && a.back() > 0 && !graph.value(node.inputs.at(1)).shape.empty();
}

bool can_pack(const Graph& graph, const Node& node) {
  if (!is_matmul(graph, node)) return false;
  const Value& b = graph.value(node.inputs.at(1));
  if (!b.is_constant() || b.shape.size() < 2 || b.elements() == 0) return false;
  for (size_t i = 0; i + 2 < b.shape.size(); ++i)
    if (b.shape[i] != 1) return false;
  return true;
}

StepSpec lower_matmul(Graph& graph, const Node& node, bool packed) {
  StepSpec step = step_for(node, KernelId::kMatMul, packed ? "matmul packed 16" : "matmul");
  const ValueId b_id = node.inputs.at(1);
  const Shape b_shape = graph.value(b_id).shape;
  const int64_t k = graph.value(node.inputs.at(0)).shape.back();
  const int64_t n = b_shape.size() == 1 ? 1 : b_shape.back();
  MatMulParams p;
  p.b_packed = packed;
  p.n = checked_int32(n, node, "columns");
  p.epilogue = epilogue_params(node, node.as<MatMulAttributes>().epilogue);
  if (packed) {
    const float* b = constant_floats(graph, b_id);
    const auto panels =
        pack_panels(1, n, k, [&](int64_t, int64_t column, int64_t i) { return b[i * n + column]; });
    step.inputs.at(1) =
        graph.add_constant(graph.unique_name(graph.value(b_id).name + ".packed"), DType::kF32,
                           {cpu::panels_for(n), k, cpu::kPanelColumns}, panels);
  }
  cpu::GemmScratch scratch;
  if (!cpu::matmul_scratch(p, k, &scratch))
    throw BuildError("node '" + node.name + "': matrix product is too large");
  step.worker_scratch_bytes = static_cast<uint64_t>(scratch.bytes);
  step.params = to_bytes(p);
  step.flops = matmul_flops(graph, node);
  step.bytes = moved_bytes(graph, node);
  if (has_operand(node, 3)) step.in_place.emplace_back(step.inputs.size() - 1, 0);
  return step;
}

StepSpec lower_packed(Graph& graph, const Node& node) { return lower_matmul(graph, node, true); }
StepSpec lower_plain(Graph& graph, const Node& node) { return lower_matmul(graph, node, false); }

double packed_us(const Graph& graph, const Node& node) {
  return roofline_us(graph, node, matmul_flops(graph, node), 60.0);
}
double plain_us(const Graph& graph, const Node& node) {
  return roofline_us(graph, node, matmul_flops(graph, node), 40.0) + 1.0;
}

}  // namespace

const Family kMatMulPackedFamily = packing_way<can_pack, lower_packed, packed_us>("matmul-packed");
const Family kMatMulFamily = one_way<is_matmul, lower_plain, plain_us>("matmul");

}  // namespace stint::builder
