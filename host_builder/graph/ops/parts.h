// Parts that several operations' definitions share.
#pragma once

#include <string>
#include <variant>

#include "host_builder/graph/inference_context.h"
#include "host_builder/graph/op_def.h"
#include "host_builder/graph/ops/words.h"

namespace stint::builder {

template <typename A>
bool has(const Attributes& attributes) {
  return std::holds_alternative<A>(attributes);
}
inline constexpr auto has_none = has<std::monostate>;
inline std::string print_nothing(const Attributes&) { return ""; }

inline std::string print_axis(const Attributes& attributes) {
  return Words().add("axis", std::get<AxisAttributes>(attributes).axis).text();
}

inline Types infer_same(const InferenceContext& c) { return c.same_as_operand(); }

inline double no_products(const Graph&, const Node&) { return 0; }

/// Spatial where there is a spatial axis: batch, channels and more.
inline bool has_spatial_axes(const Graph& graph, const Node& node) {
  return graph.value(node.inputs[0]).shape.size() >= 3;
}
inline void keep_attributes(Attributes&, const std::vector<int64_t>&) {}
inline constexpr LayoutRule kSpatialOperand = {has_spatial_axes, {0}, keep_attributes};

/// x, weights (constants are stored as they like), bias, residual.
inline constexpr ValueRules kProductOperands = {kQuantizable, kNumbers, kNumbers, kQuantizable};

template <typename T>
std::vector<T> reordered(const std::vector<T>& values, const std::vector<int64_t>& perm) {
  std::vector<T> result;
  for (const int64_t axis : perm) result.push_back(values[static_cast<size_t>(axis)]);
  return result;
}

inline double elements_of(const Graph& graph, ValueId id) {
  return static_cast<double>(graph.value(id).elements());
}

}  // namespace stint::builder
