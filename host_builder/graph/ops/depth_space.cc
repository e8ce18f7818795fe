// Channels become blocks of pixels, and back.
#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_depth_space(const InferenceContext& c) {
  c.require(c.rank(0) == 4, "needs an operand of rank 4, it is " + shape_text(c.shape(0)));
  const int64_t block = c.as<DepthToSpaceAttributes>().block;
  const Shape& x = c.shape(0);
  const int64_t channels = x[c.channel_axis(4)], h = x[c.spatial_axis(0)], w = x[c.spatial_axis(1)];
  c.require(block >= 1 && block <= 65536,
            "the block size " + std::to_string(block) + " is out of range");
  if (c.op == Op::kDepthToSpace) {
    c.require(channels % (block * block) == 0, std::to_string(channels) +
                                                   " channels cannot be split into blocks of " +
                                                   std::to_string(block));
    return {
        {c.dtype(0), c.spatial_shape(x[0], channels / (block * block), {h * block, w * block})}};
  }
  c.require(h % block == 0 && w % block == 0,
            shape_text(x) + " cannot be divided into blocks of " + std::to_string(block));
  return {{c.dtype(0), c.spatial_shape(x[0], channels * block * block, {h / block, w / block})}};
}

std::string print_depth_space(const Attributes& attributes) {
  const auto& a = std::get<DepthToSpaceAttributes>(attributes);
  return Words().add("block", a.block).flag("crd", a.crd).text();
}

MovedSamples move_depth_space(const BatchMove&, const BatchPlace& at) {
  return kept_unless(at.axis != 0, at);
}

}  // namespace

constinit const OpDef ops::kDepthToSpace = {
    .name = "DepthToSpace",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<DepthToSpaceAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_depth_space,
    .layout = kSpatialOperand,
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(move_depth_space),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_depth_space,
};

constinit const OpDef ops::kSpaceToDepth = {
    .name = "SpaceToDepth",
    .arity = {1, 1, 1, 1},
    .has_its_attributes = has<DepthToSpaceAttributes>,
    .types = {kQuantizable, kQuantizable},
    .infer = infer_depth_space,
    .layout = kSpatialOperand,
    .transpose = TransposeRule::minds(),
    .batch = BatchRule::of_first(move_depth_space),
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_depth_space,
};

}  // namespace stint::builder
