// Many elements along axes become one, the few that are chosen, or what they add up to one by one.
#include <algorithm>

#include "host_builder/graph/op_names.h"
#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_reduce(const InferenceContext& c) {
  const auto& attributes = c.as<ReduceAttributes>();
  std::vector<bool> reduced(c.rank(0), false);
  for (int64_t axis : attributes.axes) reduced[normalize_axis(axis, c.rank(0), "axis")] = true;
  Shape result;
  for (size_t i = 0; i < c.rank(0); ++i) {
    if (!reduced[i])
      result.push_back(c.shape(0)[i]);
    else if (attributes.keep_dims)
      result.push_back(1);
  }
  return {{c.dtype(0), result}};
}

Types infer_arg_reduce(const InferenceContext& c) {
  const auto& attributes = c.as<ArgReduceAttributes>();
  Shape result = c.shape(0);
  const int64_t axis = normalize_axis(attributes.axis, c.rank(0), "axis");
  c.require(result[axis] > 0,
            "axis " + std::to_string(axis) + " of " + shape_text(result) + " is empty");
  if (attributes.keep_dims)
    result[axis] = 1;
  else
    result.erase(result.begin() + axis);
  return {{DType::kI64, result}};
}

Types infer_top_k(const InferenceContext& c) {
  const auto& attributes = c.as<TopKAttributes>();
  const Shape& wanted = c.declared_output().shape;
  const int64_t axis = normalize_axis(attributes.axis, c.rank(0), "axis");
  c.require(wanted.size() == c.rank(0), "the result must have the operand's rank");
  Shape result = c.shape(0);
  c.require(
      wanted[axis] >= 0 && wanted[axis] <= result[axis],
      "k is " + std::to_string(wanted[axis]) + ", the axis has " + std::to_string(result[axis]));
  result[axis] = wanted[axis];
  return {{c.dtype(0), result}, {DType::kI64, result}};
}

Types infer_cumulative(const InferenceContext& c) {
  normalize_axis(c.as<CumulativeAttributes>().axis, c.rank(0), "axis");
  return c.same_as_operand();
}

std::string print_reduce(const Attributes& attributes) {
  const auto& a = std::get<ReduceAttributes>(attributes);
  Words w;
  w.add("op", reduce_op_name(a.op)).list("axes", a.axes);
  return w.flag("keep_dims", a.keep_dims).text();
}

std::string print_arg_reduce(const Attributes& attributes) {
  const auto& a = std::get<ArgReduceAttributes>(attributes);
  Words w;
  w.add("op", a.is_max ? "max" : "min").add("axis", a.axis).flag("keep_dims", a.keep_dims);
  return w.flag("select_last", a.select_last).text();
}

std::string print_top_k(const Attributes& attributes) {
  const auto& a = std::get<TopKAttributes>(attributes);
  Words w;
  w.add("axis", a.axis).flag("largest", a.largest).flag("sorted", a.sorted);
  return w.text();
}

std::string print_cumulative(const Attributes& attributes) {
  const auto& a = std::get<CumulativeAttributes>(attributes);
  Words w;
  w.add("op", a.product ? "prod" : "sum").add("axis", a.axis);
  return w.flag("exclusive", a.exclusive).flag("reverse", a.reverse).text();
}

std::optional<Permutation> sink_reduce(const Graph&, Node& node, const Permutation& perm) {
  auto& a = node.as<ReduceAttributes>();
  std::vector<bool> removed(perm.size(), false);
  for (int64_t& axis : a.axes) {
    const size_t old = from_front(axis, perm.size());
    removed[old] = !a.keep_dims;
    axis = perm[old];
  }
  std::sort(a.axes.begin(), a.axes.end());
  return without_axes(perm, removed);
}

MovedSamples move_reduced(const BatchMove& m, const BatchPlace& at,
                          const std::vector<int64_t>& axes, bool keep_dims) {
  BatchPlace to = at;
  for (const int64_t signed_axis : axes) {
    const size_t axis = from_front(signed_axis, m.in(0).size());
    if (axis == at.axis) return lost_along(at);
    if (!keep_dims && axis < at.axis) --to.axis;
  }
  return to;
}

MovedSamples move_reduce(const BatchMove& m, const BatchPlace& at) {
  const auto& a = m.node.as<ReduceAttributes>();
  return move_reduced(m, at, a.axes, a.keep_dims);
}

MovedSamples move_arg_reduce(const BatchMove& m, const BatchPlace& at) {
  const auto& a = m.node.as<ArgReduceAttributes>();
  return move_reduced(m, at, {a.axis}, a.keep_dims);
}

double top_k_folding_work(const Graph& graph, const Node& node) {
  const ValueId some = node.outputs[0] == kNoValue ? node.outputs[1] : node.outputs[0];
  return elements_of(graph, node.inputs) * (1 + elements_of(graph, some));
}

}  // namespace

constinit const OpDef ops::kReduce = {
    .name = "Reduce",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<ReduceAttributes>,
    .types = {kNumbers, kNumbers},
    .infer = infer_reduce,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_reduce),
    .batch = BatchRule::of_first(move_reduce),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_reduce,
};

constinit const OpDef ops::kArgReduce = {
    .name = "ArgReduce",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<ArgReduceAttributes>,
    .types = {kNumbers, exactly(DType::kI64)},
    .infer = infer_arg_reduce,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_removed_axis<ArgReduceAttributes>),
    .batch = BatchRule::of_first(move_arg_reduce),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_arg_reduce,
};

constinit const OpDef ops::kTopK = {
    .name = "TopK",
    .arity = {1, 1, 1, 2},
    .has_its_attributes = has<TopKAttributes>,
    .types = {kNumbers, {kNumbers, exactly(DType::kI64)}},
    .infer = infer_top_k,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_axis<TopKAttributes>),
    .batch = BatchRule::of_first(samples_beside_axis<TopKAttributes>),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = top_k_folding_work,
    .print = print_top_k,
};

constinit const OpDef ops::kCumulative = {
    .name = "Cumulative",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<CumulativeAttributes>,
    .types = {kNumbers, kNumbers},
    .infer = infer_cumulative,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_axis<CumulativeAttributes>),
    .batch = BatchRule::of_first(samples_beside_axis<CumulativeAttributes>),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_cumulative,
};

}  // namespace stint::builder
