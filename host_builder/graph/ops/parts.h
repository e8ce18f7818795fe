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

inline double elements_of(const Graph& graph, ValueId id) {
  return id == kNoValue ? 0 : static_cast<double>(graph.value(id).elements());
}
inline double elements_of(const Graph& graph, const std::vector<ValueId>& ids) {
  double sum = 0;
  for (const ValueId id : ids) sum += elements_of(graph, id);
  return sum;
}
/// Every element is touched once.
inline double work_of_elements(const Graph& graph, const Node& node) {
  return elements_of(graph, node.inputs) + elements_of(graph, node.outputs);
}

/// Of nodes with samples and axes in their first operand, which keep the samples where they are.
inline MovedSamples samples_stay(const BatchMove&, const BatchPlace& at) { return at; }
/// The same unless the attributes' axis is that of the samples.
template <typename A>
MovedSamples samples_beside_axis(const BatchMove& m, const BatchPlace& at) {
  return kept_unless(from_front(m.node.as<A>().axis, m.in(0).size()) == at.axis, at);
}
/// Of nodes that are put around a network whose samples were followed already (frames/).
inline MovedSamples samples_lost(const BatchMove&, const BatchPlace& at) { return lost_along(at); }
inline constexpr BatchRule kAroundNetwork = BatchRule::of_first(samples_lost);

/// Of nodes that work along one axis and keep the shape of their operand's others.
template <typename A>
std::optional<Permutation> sink_axis(const Graph&, Node& node, const Permutation& perm) {
  int64_t& axis = node.as<A>().axis;
  axis = perm[from_front(axis, perm.size())];
  return perm;
}
/// The same where the axis may disappear.
template <typename A>
std::optional<Permutation> sink_removed_axis(const Graph& graph, Node& node,
                                             const Permutation& perm) {
  return sink_along(node.as<A>().axis, graph, node, perm);
}

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

}  // namespace stint::builder
