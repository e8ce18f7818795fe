// A 2-D pooling node as the pooling families see it.
#pragma once

#include "host_builder/lowering/cuda/direct/direct_layer.h"
#include "host_builder/lowering/cuda/direct/window.h"

namespace stint::builder {

struct PoolLayer {
  const Graph& graph;
  const Node& node;
  const PoolAttributes& a = node.as<PoolAttributes>();
  const Value& x = graph.value(node.inputs.at(0));
  const Value& y = graph.value(node.outputs.at(0));
  Window2d<PoolAttributes> window{a};
};

/// Channels-last, without indices.
inline bool can_pool(const Graph& graph, const Node& node) {
  if (node.op != Op::kPool || !graph.channels_last) return false;
  if (node.outputs.size() > 1 && node.outputs[1] != kNoValue) return false;
  if (node.outputs.at(0) == kNoValue) return false;
  const PoolLayer layer{graph, node};
  return layer.x.shape.size() == 4 && layer.y.elements() > 0 &&
         stores_reals(graph, node.inputs.at(0)) && stores_reals(graph, node.outputs.at(0));
}

/// The constants that describe the layer, the operands' types and strides, and the pointers x and
/// y.
inline void pool_constants(CudaSource& source, const PoolLayer& layer) {
  window_constants(source, layer.window, layer.x, layer.y);
  source.nhwc("Y", layer.y)
      .constant("kDilationH", layer.window.dilation(0))
      .constant("kDilationW", layer.window.dilation(1))
      .constant("kPadBottom", layer.window.pad_end(0))
      .constant("kPadRight", layer.window.pad_end(1))
      .flag("kIsMax", layer.a.kind == PoolKind::kMax)
      .flag("kCountsPadding", layer.a.count_include_pad)
      .pointer("const X*", "x")
      .pointer("Y*", "y");
}

}  // namespace stint::builder
