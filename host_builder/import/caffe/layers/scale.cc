// Scale and Bias: a factor and a summand for some axes, learned or a second bottom.
#include "host_builder/import/caffe/layers/layer_table.h"
#include "host_builder/network/arithmetic.h"

namespace stint::builder {
namespace {

/// The axes of bottom 0 that a learned operand has.
Shape operand_shape(const LayerTranslation& n, size_t axis, int32_t num_axes) {
  const auto left = static_cast<int32_t>(n.rank(0) - axis);
  if (num_axes < -1 || num_axes > left)
    n.fail("has num_axes " + std::to_string(num_axes) + ", the bottom " + shape_text(n.shape(0)) +
           " has " + std::to_string(left) + " axes there");
  const auto begin = n.shape(0).begin() + static_cast<std::ptrdiff_t>(axis);
  return {begin, begin + (num_axes == -1 ? left : num_axes)};
}

/// An operand of no axes is one number. It broadcasts to the bottom, never the other way round.
ValueId aligned(LayerTranslation& n, ValueId operand, size_t axis) {
  const Graph& graph = n.network().graph();
  if (graph.value(operand).shape.empty()) return operand;
  const ValueId result = aligned_at(n.network(), operand, axis, n.rank(0));
  if (broadcast_shapes(n.shape(0), graph.value(result).shape) != n.shape(0))
    n.fail("its operand " + shape_text(graph.value(operand).shape) + " is larger than the bottom " +
           shape_text(n.shape(0)));
  return result;
}

/// A bias has the shape of the scale.
void translate_scale(LayerTranslation& n) {
  NetworkBuilder& net = n.network();
  const caffe::ScaleParameter& p = n.layer().scale_param();
  n.require_bottoms(1, 2);
  n.require_tops(1, 1);
  const bool learned = n.bottom_count() == 1;
  const size_t axis = n.rank(0) == 0 ? 0 : n.axis(p.axis());
  const Shape shape = learned ? operand_shape(n, axis, p.num_axes()) : n.shape(1);
  const size_t blobs = (learned ? 1 : 0) + (p.bias_term() ? 1 : 0);
  if (blobs > 0) n.expect_blobs(blobs);
  const ValueId scale = learned ? n.blob(0, shape, {0, 1.0f}) : n.in(1);
  ValueId y = net.binary(EltOp::kMul, n.in(0), aligned(n, scale, axis));
  if (p.bias_term()) {
    const ValueId bias = n.blob(blobs - 1, shape, {});
    y = net.binary(EltOp::kAdd, y, aligned(n, bias, axis));
  }
  n.bind(0, y);
}

void translate_bias(LayerTranslation& n) {
  const caffe::BiasParameter& p = n.layer().bias_param();
  n.require_bottoms(1, 2);
  n.require_tops(1, 1);
  const size_t axis = n.rank(0) == 0 ? 0 : n.axis(p.axis());
  ValueId bias = kNoValue;
  if (n.bottom_count() == 1) {
    n.expect_blobs(1);
    bias = n.blob(0, operand_shape(n, axis, p.num_axes()), {});
  } else {
    bias = n.in(1);
  }
  n.bind(0, n.network().binary(EltOp::kAdd, n.in(0), aligned(n, bias, axis)));
}

}  // namespace

const std::vector<LayerEntry> kScaleLayers = {
    {"Scale", translate_scale},
    {"Bias", translate_bias},
};

}  // namespace stint::builder
