// What the lowering of 8-bit integers shares: how values are quantised, and what the kernels'
// products need beside packed weights.
#pragma once

#include <functional>
#include <vector>

#include "host_builder/lowering/cpu/conv_lowering.h"
#include "plan_schema/params/quantized.h"

namespace stint::builder {

/// An 8-bit value with one scale that stands for real numbers.
inline bool is_quantized(const Graph& graph, const Value& value) {
  return graph.mixed_precision && value.quant && value.quant->axis == -1;
}

/// Real numbers as kernels on 8-bit integers read and write them: f32, or 8-bit with one scale.
inline bool is_real(const Graph& graph, ValueId id) {
  if (id == kNoValue) return true;
  const Value& value = graph.value(id);
  return is_quantized(graph, value) || value.dtype == DType::kF32;
}

/// One of the node's values is quantised, and all that are there are real numbers.
bool is_quantized_node(const Graph& graph, const Node& node);

QuantParams quant_params(const Value& value);
inline QuantParams quant_params(const Graph& graph, const Node& node, size_t operand) {
  return has_operand(node, operand) ? quant_params(graph.value(node.inputs[operand]))
                                    : QuantParams{};
}

/// The integer that stands for the number in a quantised value.
double stored_integer(const Value& value, double number);

/// Operand 0 is u8 with one scale, operand 1 are constant i8 weights with a scale for each place of
/// `channel_axis` (or one) and no zero points, the bias is a constant and the rest real numbers.
bool is_quantized_product(const Graph& graph, const Node& node, size_t channel_axis);

/// The weight of an output channel at a term of its dot product.
using WeightAt = std::function<int8_t(int64_t channel, int64_t term)>;

/// Weights in the order of quantized_blocking.h. Channels are groups * columns.
std::vector<int8_t> pack_quads(int64_t groups, int64_t columns, int64_t depth, const WeightAt& at);

/// Makes the step's inputs x, weights (`packed`, of this shape), multiplier, bias, [residual].
void set_quantized_inputs(Graph& graph, const Node& node, StepSpec& step, Shape packed_shape,
                          const std::vector<int8_t>& packed, int64_t channels, int64_t depth,
                          const WeightAt& at);

/// Of products of bytes, against 60 of f32: measured on processors that have an instruction for
/// them.
inline constexpr double kQuantizedGflops = 200.0;

}  // namespace stint::builder
