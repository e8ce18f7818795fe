#include "host_builder/lowering/cpu/quantized_lowering.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/quantized/quantized_blocking.h"

namespace stint::builder {

bool is_quantized_node(const Graph& graph, const Node& node) {
  bool any = false;
  for (const std::vector<ValueId>* ids : {&node.inputs, &node.outputs}) {
    for (const ValueId id : *ids) {
      if (!is_real(graph, id)) return false;
      any = any || (id != kNoValue && graph.value(id).quant);
    }
  }
  return any;
}

QuantParams quant_params(const Value& value) {
  QuantParams p;
  if (!value.quant) return p;
  p.scale = value.quant->scales.at(0);
  if (!value.quant->zero_points.empty()) p.zero_point = value.quant->zero_points[0];
  return p;
}

double stored_integer(const Value& value, double number) {
  const QuantParams q = quant_params(value);
  const double lowest = value.dtype == DType::kI8 ? -128 : 0;
  const double nearest = std::isnan(number) ? 0 : std::nearbyint(number / double{q.scale});
  return std::clamp(nearest + q.zero_point, lowest, lowest + 255);
}

bool is_quantized_product(const Graph& graph, const Node& node, size_t channel_axis) {
  if (node.outputs.size() != 1 || !has_operand(node, 1)) return false;
  const Value& x = graph.value(node.inputs[0]);
  const Value& w = graph.value(node.inputs[1]);
  if (x.dtype != DType::kU8 || !is_quantized(graph, x)) return false;
  if (!w.is_constant() || w.dtype != DType::kI8 || !w.quant || w.elements() == 0) return false;
  if (w.quant->axis != -1 && w.quant->axis != static_cast<int>(channel_axis)) return false;
  const std::vector<int32_t>& zeros = w.quant->zero_points;
  if (std::any_of(zeros.begin(), zeros.end(), [](int32_t zero) { return zero != 0; })) return false;
  if (has_operand(node, 2)) {
    const Value& bias = graph.value(node.inputs[2]);
    if (!bias.is_constant() || bias.dtype != DType::kF32) return false;
  }
  return (!has_operand(node, 3) || is_real(graph, node.inputs[3])) &&
         is_real(graph, node.outputs[0]);
}

std::vector<int8_t> pack_quads(int64_t groups, int64_t columns, int64_t depth, const WeightAt& at) {
  const int64_t panels = cpu::panels_for(columns);
  const int64_t rows = cpu::quantized_panel_rows(depth);
  std::vector<int8_t> packed(static_cast<size_t>(groups * panels * rows * cpu::kQuadRow));
  for (int64_t channel = 0; channel < groups * columns; ++channel) {
    const int64_t column = channel % columns;
    const int64_t panel = channel / columns * panels + column / cpu::kPanelColumns;
    const auto place = [&](int64_t row, int64_t term) -> int8_t& {
      return packed[static_cast<size_t>((panel * rows + row) * cpu::kQuadRow +
                                        column % cpu::kPanelColumns * cpu::kQuad + term)];
    };
    int32_t sum = 0;
    for (int64_t k = 0; k < depth; ++k) {
      const int8_t w = at(channel, k);
      place(k / cpu::kQuad, k % cpu::kQuad) = w;
      sum += w;
    }
    std::memcpy(&place(rows - 1, 0), &sum, sizeof(sum));
  }
  return packed;
}

void set_quantized_inputs(Graph& graph, const Node& node, StepSpec& step, Shape packed_shape,
                          const std::vector<int8_t>& packed, int64_t channels, int64_t depth,
                          const WeightAt& at) {
  const Value& w = graph.value(node.inputs.at(1));
  const std::string name = w.name;
  const QuantParams x = quant_params(graph.value(node.inputs[0]));
  const float* given = has_operand(node, 2) ? constant_floats(graph, node.inputs[2]) : nullptr;
  std::vector<float> multiplier(static_cast<size_t>(channels)), bias(multiplier.size());
  for (size_t c = 0; c < multiplier.size(); ++c) {
    const float scale = w.quant->scales[w.quant->axis == -1 ? 0 : c];
    multiplier[c] = x.scale * scale;
    double sum = 0;
    for (int64_t k = 0; k < depth; ++k) sum += at(static_cast<int64_t>(c), k);
    bias[c] = static_cast<float>((given != nullptr ? given[c] : 0.0) -
                                 x.zero_point * sum * static_cast<double>(multiplier[c]));
  }
  const auto add = [&](const char* suffix, DType dtype, Shape shape, const auto& data) {
    return graph.add_constant(graph.unique_name(name + suffix), dtype, std::move(shape), data);
  };
  step.inputs = {node.inputs[0], add(".packed", DType::kI8, std::move(packed_shape), packed),
                 add(".multiplier", DType::kF32, {channels}, multiplier),
                 add(".bias", DType::kF32, {channels}, bias)};
  if (!has_operand(node, 3)) return;
  step.inputs.push_back(node.inputs[3]);
  // A tile of the output is written after its residual was read, so the two may share memory.
  if (dtype_bytes(graph.value(node.inputs[3]).dtype) ==
      dtype_bytes(graph.value(node.outputs[0]).dtype))
    step.in_place.emplace_back(step.inputs.size() - 1, 0);
}

}  // namespace stint::builder
