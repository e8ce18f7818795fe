// Element-wise programs on f32: fused ones, single operations, and batch normalisation that no pass
// folded away.
#include <cmath>

#include "host_builder/lowering/cpu/families.h"
#include "host_builder/lowering/cpu/pointwise_program.h"

namespace stint::builder {
namespace {

bool all_f32(const Graph& graph, const Node& node) {
  for (const ValueId id : node.inputs)
    if (id == kNoValue || graph.value(id).dtype != DType::kF32) return false;
  return graph.value(node.outputs.at(0)).dtype == DType::kF32;
}

bool can_implement(const Graph& graph, const Node& node) {
  return has_program(node) && all_f32(graph, node);
}

StepSpec step_of(const Graph& graph, const Node& node, std::vector<ValueId> inputs,
                 const std::vector<PointwiseOp>& program) {
  PointwiseParams params;
  params.instruction_count = static_cast<uint8_t>(program.size());
  StepSpec step =
      step_for(node, KernelId::kPointwise, "pointwise " + std::to_string(program.size()));
  step.inputs = std::move(inputs);
  step.params = to_bytes(params, program);
  step.worker_scratch_bytes = pointwise_scratch_bytes(static_cast<int64_t>(step.inputs.size()),
                                                      static_cast<int64_t>(program.size()));
  step.bytes = moved_bytes(graph, node);
  const Value& y = graph.value(step.outputs.at(0));
  step.flops = static_cast<double>(y.elements()) * static_cast<double>(program.size());
  allow_in_place(graph, step);
  return step;
}

StepSpec lower(Graph& graph, const Node& node) {
  return step_of(graph, node, node.inputs, program_of(node));
}

double cost_us(const Graph& graph, const Node& node) {
  return program_us(graph, node, node.op == Op::kBatchNorm ? 2 : program_of(node).size());
}

std::vector<float> floats_of(const Value& value) {
  std::vector<float> v(static_cast<size_t>(value.elements()));
  std::memcpy(v.data(), value.constant->data(), v.size() * sizeof(float));
  return v;
}

bool known_statistics(const Graph& graph, const Node& node) {
  for (size_t i = 1; i < 5; ++i)
    if (!graph.value(node.inputs[i]).is_constant()) return false;
  return true;
}

/// The channel axis must be the last one for numpy's broadcasting of run-time statistics; constants
/// can be reshaped.
bool is_batch_norm(const Graph& graph, const Node& node) {
  if (node.op != Op::kBatchNorm || node.inputs.size() != 5 || !all_f32(graph, node)) return false;
  return graph.channels_last || graph.value(node.inputs[0]).shape.size() <= 2 ||
         known_statistics(graph, node);
}

StepSpec lower_batch_norm(Graph& graph, const Node& node) {
  const float epsilon = node.as<NormAttributes>().epsilon;
  if (!known_statistics(graph, node)) {
    const ValueId eps = graph.add_constant(graph.unique_name(node.name + ".epsilon"), DType::kF32,
                                           {}, std::vector<float>{epsilon});
    std::vector<ValueId> inputs = node.inputs;  // x, scale, bias, mean, variance
    inputs.push_back(eps);                      // operand 5, so that results start at 6
    return step_of(graph, node, std::move(inputs),
                   {instruction(EltOp::kAdd, 4, 5), instruction(EltOp::kSqrt, 6),
                    instruction(EltOp::kSub, 0, 3), instruction(EltOp::kDiv, 8, 7),
                    instruction(EltOp::kMul, 9, 1), instruction(EltOp::kAdd, 10, 2)});
  }
  const std::vector<float> scale = floats_of(graph.value(node.inputs[1]));
  const std::vector<float> bias = floats_of(graph.value(node.inputs[2]));
  const std::vector<float> mean = floats_of(graph.value(node.inputs[3]));
  const std::vector<float> variance = floats_of(graph.value(node.inputs[4]));
  std::vector<float> factor(scale.size()), term(scale.size());
  for (size_t c = 0; c < scale.size(); ++c) {
    const double f =
        static_cast<double>(scale[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    factor[c] = static_cast<float>(f);
    term[c] = static_cast<float>(bias[c] - mean[c] * f);
  }
  Shape shape = {static_cast<int64_t>(scale.size())};
  const size_t rank = graph.value(node.inputs[0]).shape.size();
  if (!graph.channels_last && rank > 2) shape.resize(rank - 1, 1);
  const ValueId f =
      graph.add_constant(graph.unique_name(node.name + ".factor"), DType::kF32, shape, factor);
  const ValueId t =
      graph.add_constant(graph.unique_name(node.name + ".term"), DType::kF32, shape, term);
  return step_of(graph, node, {node.inputs[0], f, t},
                 {instruction(EltOp::kMul, 0, 1), instruction(EltOp::kAdd, 3, 2)});
}

}  // namespace

const Family kPointwiseFamily = one_way<can_implement, lower, cost_us>("pointwise");
const Family kBatchNormFamily = one_way<is_batch_norm, lower_batch_norm, cost_us>("batch-norm");

}  // namespace stint::builder
