// The same elements in another shape, order or number.
#include <algorithm>

#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_reshape(const InferenceContext& c) {
  const Shape& wanted = c.declared_output().shape;
  c.require(checked_elements(wanted) == c.in(0).elements(),
            shape_text(c.shape(0)) + " cannot be reshaped to " + shape_text(wanted) +
                ": element counts differ");
  return {{c.dtype(0), wanted}};
}

Types infer_transpose(const InferenceContext& c) {
  const auto& perm = c.as<TransposeAttributes>().perm;
  std::vector<bool> seen(c.rank(0), false);
  c.require(perm.size() == c.rank(0), "the permutation has " + std::to_string(perm.size()) +
                                          " axes, the operand " + std::to_string(c.rank(0)));
  Shape result;
  for (int64_t axis : perm) {
    c.require(axis >= 0 && axis < static_cast<int64_t>(seen.size()) && !seen[axis],
              shape_text(perm) + " is not a permutation");
    seen[axis] = true;
    result.push_back(c.shape(0)[axis]);
  }
  return {{c.dtype(0), result}};
}

Types infer_expand(const InferenceContext& c) {
  const Shape& wanted = c.declared_output().shape;
  c.require(broadcast_shapes(c.shape(0), wanted) == wanted,
            shape_text(c.shape(0)) + " cannot be expanded to " + shape_text(wanted));
  return {{c.dtype(0), wanted}};
}

Types infer_tile(const InferenceContext& c) {
  const Shape& wanted = c.declared_output().shape;
  c.require(wanted.size() == c.rank(0), "the result must have the operand's rank");
  for (size_t i = 0; i < wanted.size(); ++i) {
    const int64_t extent = c.shape(0)[i];
    c.require(wanted[i] >= 0 && (extent == 0 ? wanted[i] == 0 : wanted[i] % extent == 0),
              shape_text(c.shape(0)) + " cannot be tiled to " + shape_text(wanted));
  }
  return {{c.dtype(0), wanted}};
}

std::string print_transpose(const Attributes& attributes) {
  return Words().list("perm", std::get<TransposeAttributes>(attributes).perm).text();
}

std::optional<Permutation> sink_same_rank(const Graph& graph, Node& node, const Permutation& perm) {
  if (graph.value(node.outputs[0]).shape.size() != perm.size()) return std::nullopt;
  return perm;
}

MovedSamples move_transpose(const BatchMove& m, const BatchPlace& at) {
  const auto& perm = m.node.as<TransposeAttributes>().perm;
  const auto to = std::find(perm.begin(), perm.end(), static_cast<int64_t>(at.axis));
  return BatchPlace{static_cast<size_t>(to - perm.begin()), at.outer, at.inner};
}

MovedSamples move_expand(const BatchMove& m, const BatchPlace& at) {
  return BatchPlace{at.axis + m.out().size() - m.in(0).size(), at.outer, at.inner};
}

}  // namespace

constinit const OpDef ops::kIdentity = {
    .name = "Identity",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has_none,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_same,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::elementwise(),
    .batch = BatchRule::keeps_element_order(),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_nothing,
};

constinit const OpDef ops::kReshape = {
    .name = "Reshape",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has_none,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_reshape,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::minds(),  // by shapes: passes/sink_transpose.cc
    .batch = BatchRule::keeps_element_order(),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_nothing,
};

constinit const OpDef ops::kTranspose = {
    .name = "Transpose",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<TransposeAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_transpose,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(move_transpose),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_transpose,
};

constinit const OpDef ops::kExpand = {
    .name = "Expand",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has_none,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_expand,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_same_rank),
    .batch = BatchRule::of_first(move_expand),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_nothing,
};

constinit const OpDef ops::kTile = {
    .name = "Tile",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has_none,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_tile,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_same_rank),
    .batch = BatchRule::of_first(samples_stay),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_nothing,
};

}  // namespace stint::builder
