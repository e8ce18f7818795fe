// The network's input, made of a camera frame.
#include "host_builder/graph/op_names.h"
#include "host_builder/graph/ops/parts.h"

namespace stint::builder {
namespace {

Types infer_preprocess(const InferenceContext& c) {
  const auto& a = c.as<PreprocessAttributes>();
  const TensorType& wanted = c.declared_output();
  c.require(a.width > 0 && a.height > 0 && a.channels > 0, "the network input has no extent");
  const auto frame = checked_elements({c.graph.batch, a.height, a.width, a.channels});
  c.require(frame && checked_elements(wanted.shape) == frame,
            "the network input " + shape_text(wanted.shape) + " does not hold " +
                std::to_string(c.graph.batch) + " frame(s) of " + std::to_string(a.width) + "x" +
                std::to_string(a.height) + "x" + std::to_string(a.channels));
  return {wanted};
}

/// A network input may be declared either way round.
bool frame_is_channels_first(const Graph& graph, const Node& node) {
  const auto& a = node.as<PreprocessAttributes>();
  const Shape& shape = graph.value(node.outputs[0]).shape;
  return shape.size() == 4 && shape[1] == a.channels && shape[2] == a.height && shape[3] == a.width;
}

std::string print_preprocess(const Attributes& attributes) {
  const auto& a = std::get<PreprocessAttributes>(attributes);
  Words w;
  w.add("width", a.width).add("height", a.height).add("channels", a.channels);
  w.add("fit", fit_name(a.fit)).flag("order_bgr", a.order_bgr);
  w.add("pad_value", a.pad_value).list("mean", a.mean).list("scale", a.scale);
  if (a.image != 0) w.add("image", a.image);
  return w.text();
}

}  // namespace

constinit const OpDef ops::kPreprocess = {
    .name = "Preprocess",
    .arity = {0, 0, 1, 1},
    .has_its_attributes = has<PreprocessAttributes>,
    .types = {ValueRules::none(), kNumbers},
    .infer = infer_preprocess,
    .layout = {frame_is_channels_first, {}, keep_attributes},
    .transpose = TransposeRule::minds(),
    .batch = kAroundNetwork,
    .doubles = Doubles::kExact,
    .products = no_products,
    .folding_work = work_of_elements,
    .print = print_preprocess,
};

}  // namespace stint::builder
