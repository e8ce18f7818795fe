// Normalisations.
#include <algorithm>

#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_softmax(const InferenceContext& c) {
  normalize_axis(c.as<SoftmaxAttributes>().axis, c.rank(0), "axis");
  return c.same_as_operand();
}

/// Batch and instance normalisation: all operands but the first have one element a channel.
Types infer_channel_norm(const InferenceContext& c) {
  c.require(c.rank(0) >= 2, "needs an operand of rank 2 or more, it is " + shape_text(c.shape(0)));
  const int64_t channels = c.shape(0)[c.channel_axis(c.rank(0))];
  for (size_t i = 1; i < c.inputs.size(); ++i) {
    c.require(c.in(i).elements() == channels,
              "operand " + std::to_string(i) + " is " + shape_text(c.shape(i)) +
                  ", needs one element for each of " + std::to_string(channels) + " channels");
  }
  return c.same_as_operand();
}

Types infer_layer_norm(const InferenceContext& c) {
  const int64_t axis = normalize_axis(c.as<NormAttributes>().axis, c.rank(0), "axis");
  const Shape normalized(c.shape(0).begin() + axis, c.shape(0).end());
  for (size_t i = 1; i < 3; ++i) {
    if (!c.has(i)) continue;
    c.require(broadcast_shapes(normalized, c.shape(i)) == normalized,
              "operand " + std::to_string(i) + " is " + shape_text(c.shape(i)) + ", needs to fit " +
                  shape_text(normalized));
  }
  Shape statistics = c.shape(0);
  std::fill(statistics.begin() + axis, statistics.end(), 1);
  return {{c.dtype(0), c.shape(0)}, {DType::kF32, statistics}, {DType::kF32, statistics}};
}

Types infer_lrn(const InferenceContext& c) {
  const auto& attributes = c.as<LrnAttributes>();
  normalize_axis(attributes.axis, c.rank(0), "axis");
  c.require(attributes.size > 0,
            "size is " + std::to_string(attributes.size) + ", needs 1 or more");
  return c.same_as_operand();
}

void normalize_over_last_axis(Attributes& attributes, const std::vector<int64_t>& perm) {
  std::get<LrnAttributes>(attributes).axis = static_cast<int64_t>(perm.size()) - 1;
}

std::string print_softmax(const Attributes& attributes) {
  const auto& a = std::get<SoftmaxAttributes>(attributes);
  return Words().add("axis", a.axis).flag("log", a.log).text();
}

std::string print_norm(const Attributes& attributes) {
  const auto& a = std::get<NormAttributes>(attributes);
  return Words().add("epsilon", a.epsilon).add("axis", a.axis).text();
}

std::string print_lrn(const Attributes& attributes) {
  const auto& a = std::get<LrnAttributes>(attributes);
  Words w;
  w.add("size", a.size).add("alpha", a.alpha).add("beta", a.beta).add("bias", a.bias);
  return w.add("axis", a.axis).text();
}

MovedSamples move_batch_norm(const BatchMove&, const BatchPlace& at) {
  return kept_unless(at.axis == 1, at);
}

MovedSamples move_instance_norm(const BatchMove&, const BatchPlace& at) {
  return kept_unless(at.axis > 1, at);
}

MovedSamples move_layer_norm(const BatchMove& m, const BatchPlace& at) {
  return kept_unless(at.axis >= from_front(m.node.as<NormAttributes>().axis, m.in(0).size()), at);
}

double lrn_folding_work(const Graph& graph, const Node& node) {
  return elements_of(graph, node.outputs) * static_cast<double>(node.as<LrnAttributes>().size);
}

}  // namespace

constinit const OpDef ops::kSoftmax = {
    .name = "Softmax",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<SoftmaxAttributes>,
    .types = {kNumbers, kNumbers},
    .infer = infer_softmax,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::sinks(sink_axis<SoftmaxAttributes>),
    .batch = BatchRule::of_first(samples_beside_axis<SoftmaxAttributes>),
    .doubles = Doubles::kAsFloats,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_softmax,
};

constinit const OpDef ops::kBatchNorm = {
    .name = "BatchNorm",
    .arity = {5, 5, 1, 1},
    .has_its_attributes = has<NormAttributes>,
    .types = {kNumbers, kNumbers},
    .infer = infer_channel_norm,
    .layout = kSpatialOperand,
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(move_batch_norm),
    .doubles = Doubles::kAsFloats,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_norm,
};

constinit const OpDef ops::kInstanceNorm = {
    .name = "InstanceNorm",
    .arity = {3, 3, 1, 1},
    .has_its_attributes = has<NormAttributes>,
    .types = {kNumbers, kNumbers},
    .infer = infer_channel_norm,
    .layout = kSpatialOperand,
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(move_instance_norm),
    .doubles = Doubles::kAsFloats,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_norm,
};

constinit const OpDef ops::kLayerNorm = {
    .name = "LayerNorm",
    .arity = {2, 3, 1, 3},
    .has_its_attributes = has<NormAttributes>,
    .types = {kNumbers, {kNumbers, exactly(DType::kF32), exactly(DType::kF32)}},
    .infer = infer_layer_norm,
    .layout = LayoutRule::any_order(),
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(move_layer_norm),
    .doubles = Doubles::kAsFloats,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_norm,
};

constinit const OpDef ops::kLrn = {
    .name = "Lrn",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<LrnAttributes>,
    .types = {kNumbers, kNumbers},
    .infer = infer_lrn,
    .layout = {has_spatial_axes, {0}, normalize_over_last_axis},
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(samples_beside_axis<LrnAttributes>),
    .doubles = Doubles::kAsFloats,
    .products = no_products,
    .folding_work = lrn_folding_work,
    .print = print_lrn,
};

}  // namespace stint::builder
