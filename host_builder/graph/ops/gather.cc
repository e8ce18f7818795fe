// Elements chosen by indices along one axis.
#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_gather(const InferenceContext& c) {
  c.require(c.dtype(1) == DType::kI64 || c.dtype(1) == DType::kI32,
            "indices must be i32 or i64, they are " + std::string(dtype_name(c.dtype(1))));
  const int64_t axis = normalize_axis(c.as<AxisAttributes>().axis, c.rank(0), "axis");
  Shape result(c.shape(0).begin(), c.shape(0).begin() + axis);
  result.insert(result.end(), c.shape(1).begin(), c.shape(1).end());
  result.insert(result.end(), c.shape(0).begin() + axis + 1, c.shape(0).end());
  return {{c.dtype(0), result}};
}

std::optional<Permutation> sink_gather(const Graph& graph, Node& node, const Permutation& perm) {
  if (graph.value(node.inputs[1]).shape.size() > 1) return std::nullopt;
  return sink_along(node.as<AxisAttributes>().axis, graph, node, perm);
}

MovedSamples move_gather(const BatchMove& m) {
  const size_t axis = from_front(m.node.as<AxisAttributes>().axis, m.in(0).size());
  if (m.operands.size() == 2)
    return LostSamples{
        "its indices and its data both have samples, so that every sample reads every other"};
  BatchPlace at = m.operands[0].place;
  if (m.operands[0].index == 1) {
    at.axis += axis;
  } else if (at.axis == axis) {
    return LostSamples{"it takes elements along " + axis_text(axis) + ", which holds the samples"};
  } else if (at.axis > axis) {
    at.axis = at.axis - 1 + m.in(1).size();
  }
  return at;
}

}  // namespace

constinit const OpDef ops::kGather = {
    .name = "Gather",
    .arity = {2, 2, 1, 1},
    .has_its_attributes = has<AxisAttributes>,
    .types = {{kQuantizable, kIndices}, kQuantizable},
    .infer = infer_gather,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_gather),
    .batch = BatchRule::of_any(move_gather),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_axis,
};

}  // namespace stint::builder
