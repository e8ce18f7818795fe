#include "host_builder/passes/integer_products.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "host_builder/graph/quantisation.h"
#include "host_builder/passes/rewrite.h"

namespace stint::builder {
namespace {

constexpr int32_t kMostWeight = 127;
/// More terms of 255 x 128 do not fit the accumulator.
constexpr int64_t kMostTerms = (int64_t{1} << 31) / (255 * 128) - 1;

/// Which axis of the weights counts result channels.
size_t channel_axis(const Node& node, const Value& weights) {
  return node.op == Op::kConv ? 0 : weights.shape.size() - 1;
}

int64_t terms(const Node& node, const Value& weights) {
  return weights.elements() / std::max<int64_t>(weights.shape[channel_axis(node, weights)], 1);
}

/// Calls f(channel, index) for every element.
template <typename F>
void for_each_weight(const Value& weights, size_t axis, F&& f) {
  int64_t inner = 1;
  for (size_t i = axis + 1; i < weights.shape.size(); ++i) inner *= weights.shape[i];
  for (int64_t i = 0; i < weights.elements(); ++i)
    f(static_cast<size_t>(i / inner % weights.shape[axis]), static_cast<size_t>(i));
}

/// Padding is a byte of zero there, as in memory that an asynchronous copy has cleared. u8 with the
/// zero point 128 is stored as i8 without one.
bool has_zero_point(const Graph& graph, ValueId id) {
  const auto n = graph.producer(id);
  if (!n || graph.node(*n).op != Op::kDequantize) return false;
  const Node& node = graph.node(*n);
  const int32_t zero = node.as<QuantizeAttributes>().zero_point;
  return zero != 0 && !(zero == 128 && graph.value(node.inputs[0]).dtype == DType::kU8);
}

/// What the families of lowering/cuda/ take: conv_gemm, conv_wgmma and depthwise.
bool gpu_has_kernel(const Graph& graph, const Node& node, const GpuTraits& gpu) {
  if (gpu.source_sm < 75 || has_zero_point(graph, node.inputs[0])) return false;
  if (node.op == Op::kMatMul) return true;
  const auto& a = node.as<ConvAttributes>();
  const Shape& weights = graph.value(node.inputs[kWeights]).shape;
  if (a.kernel.size() != 2) return false;
  const int64_t taps = a.kernel[0] * a.kernel[1];
  if (weights[1] == 1 && a.groups > 1) return taps <= 121;
  // Of so few channels a network's first layer is made, which has a kernel of its own: f16 factors,
  // results of any type.
  constexpr int64_t kFewChannels = 4;
  return taps < 64 && weights[1] >= kFewChannels && (a.groups > 1 || weights[1] > kFewChannels);
}

/// The integers of weights on a grid, without zero point; nothing if they are no i8.
std::optional<std::vector<int8_t>> integers(const Graph& graph, const Node& node) {
  const ValueId id = node.inputs[kWeights];
  const Value& weights = graph.value(id);
  const auto data = f32_constant(graph, id);
  if (!data || !weights.grid) return std::nullopt;
  const Quantisation& q = *weights.grid;
  const size_t axis = channel_axis(node, weights);
  if (q.axis != -1 && q.axis != static_cast<int>(axis)) return std::nullopt;
  std::vector<int8_t> result(data->size());
  bool fits = true;
  for_each_weight(weights, axis, [&](size_t channel, size_t i) {
    const float scale = q.scales[q.axis == -1 ? 0 : channel];
    const float integer = std::nearbyint((*data)[i] / scale);
    fits = fits && integer >= -128.0f && integer <= 127.0f;
    result[i] = static_cast<int8_t>(std::clamp(integer, -128.0f, 127.0f));
  });
  return fits ? std::optional(std::move(result)) : std::nullopt;
}

}  // namespace

bool can_multiply_integers(const Graph& graph, const Node& node, const Target& target) {
  if (!graph.channels_last || node.outputs.size() != 1) return false;
  if (node.op != Op::kConv && node.op != Op::kMatMul) return false;
  const Value& weights = graph.value(node.inputs[kWeights]);
  if (!weights.is_constant() || weights.dtype != DType::kF32 || weights.elements() == 0)
    return false;
  if (graph.value(node.inputs[0]).constant) return false;
  if (has_operand(node, 2) && !graph.value(node.inputs[2]).constant) return false;
  if (terms(node, weights) > kMostTerms) return false;
  if (target.is_gpu && !gpu_has_kernel(graph, node, target.gpu)) return false;
  if (node.op == Op::kConv) return weights.shape.size() == 4;
  if (weights.shape.size() < 2 || graph.value(node.inputs[0]).shape.empty()) return false;
  return std::all_of(weights.shape.begin(), weights.shape.end() - 2,
                     [](int64_t extent) { return extent == 1; });
}

bool is_light(const Graph& graph, const Node& node) {
  if (node.outputs.size() != 1 || graph.meaning(graph.value(node.outputs[0])) != DType::kF32)
    return false;
  switch (node.op) {
    case Op::kUnary:
      return is_float_function(node.as<UnaryAttributes>().op);
    case Op::kBinary:
      return is_float_function(node.as<BinaryAttributes>().op);
    case Op::kPointwise:
    case Op::kPool:
      return true;
    default:
      return moves_numbers(node);
  }
}

bool has_integer_weights(const Graph& graph, const Node& node, const Target& target) {
  return can_multiply_integers(graph, node, target) && integers(graph, node).has_value();
}

void put_weights_on_grid(Graph& graph, Node& node) {
  const ValueId id = node.inputs[kWeights];
  std::vector<float> data = *f32_constant(graph, id);
  const size_t axis = channel_axis(node, graph.value(id));
  Quantisation grid;
  grid.axis = static_cast<int>(axis);
  grid.scales.assign(static_cast<size_t>(graph.value(id).shape[axis]), 0.0f);
  for_each_weight(graph.value(id), axis, [&](size_t channel, size_t i) {
    grid.scales[channel] = std::max(grid.scales[channel], std::abs(data[i]));
  });
  for (float& scale : grid.scales) {
    scale /= kMostWeight;
    // A channel without weights, or with such that f32 can hardly tell from none.
    if (!(scale > 1e-30f) || !std::isfinite(scale)) scale = 1e-30f;
  }
  for_each_weight(graph.value(id), axis, [&](size_t channel, size_t i) {
    const int32_t integer = quantised(data[i], grid.scales[channel], 0, DType::kI8);
    data[i] = static_cast<float>(integer) * grid.scales[channel];
  });
  const Value& weights = graph.value(id);
  const ValueId rounded = add_f32_constant(graph, weights.name + "_rounded", weights.shape, data);
  graph.value(rounded).grid = std::move(grid);
  node.inputs[kWeights] = rounded;
}

void store_integer_weights(Graph& graph, Node& node) {
  const Value& weights = graph.value(node.inputs[kWeights]);
  const ValueId stored = graph.add_constant(graph.unique_name(weights.name + "_i8"), DType::kI8,
                                            weights.shape, *integers(graph, node));
  Quantisation q = *weights.grid;
  q.zero_points.clear();  // the numbers themselves gave the integers
  graph.value(stored).quant = std::move(q);
  node.inputs[kWeights] = stored;
}

}  // namespace stint::builder
