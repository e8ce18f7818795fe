// Unary, Binary, Where and Cast on any element type.
#include "plan_schema/params/elementwise.h"

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/lowering.h"

namespace stint::builder {
namespace {

ElementwiseParams params_of(const Node& node) {
  ElementwiseParams p;
  if (node.op == Op::kUnary) {
    const auto& unary = node.as<UnaryAttributes>();
    p.op = unary.op;
    p.alpha = unary.alpha;
    p.beta = unary.beta;
  } else {
    p.op = node.op == Op::kWhere ? EltOp::kWhere : node.as<BinaryAttributes>().op;
  }
  return p;
}

bool can_implement(const Graph& graph, const Node& node) {
  if (node.op != Op::kUnary && node.op != Op::kBinary && node.op != Op::kWhere) return false;
  if (has_quantized(graph, node)) return false;
  const EltOp op = params_of(node).op;
  bool floating = false;
  for (size_t i = op == EltOp::kWhere ? 1 : 0; i < node.inputs.size(); ++i)
    floating = floating || is_float(graph.value(node.inputs[i]).dtype);
  return elt_defined(op, floating) && node.inputs.size() == static_cast<size_t>(elt_operands(op));
}

StepSpec lower(Graph& graph, const Node& node) {
  StepSpec step = step_for(node, KernelId::kElementwise, "elementwise");
  step.params = to_bytes(params_of(node));
  step.bytes = moved_bytes(graph, node);
  allow_in_place(graph, step);
  return step;
}

/// Element by element with the standard library's functions: several nanoseconds each.
double cost_us(const Graph& graph, const Node& node) {
  return memory_bound_us(graph, node) +
         0.004 * static_cast<double>(graph.value(node.outputs.at(0)).elements());
}

bool is_cast(const Graph& graph, const Node& node) {
  return node.op == Op::kCast && !has_quantized(graph, node);
}

StepSpec lower_cast(Graph& graph, const Node& node) {
  StepSpec step = step_for(node, KernelId::kCast, "cast");
  step.bytes = moved_bytes(graph, node);
  allow_in_place(graph, step);
  return step;
}

}  // namespace

const Family kElementwiseFamily = one_way<can_implement, lower, cost_us>("elementwise");
const Family kCastFamily = one_way<is_cast, lower_cast, memory_bound_us>("cast");

}  // namespace stint::builder
