// Types and shapes of a node's outputs, from its attributes and operands.
#pragma once

#include <vector>

#include "host_builder/graph/graph.h"

namespace stint::builder {

struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;
};

/// One type per output the operation can have (optional ones included), in the graph's semantics:
/// spatial operations read N, C, spatial... or, when graph.channels_last, N, spatial..., C.
///
/// Some outputs are not determined by attributes and operands: dtype of Cast; shape of Reshape,
/// Expand, Tile, Slice, Resize, Preprocess; the axis' extent of TopK; rounding up (ceil_mode) of
/// Pool; the mask's rank of ArgmaxMask; the number of points of DetectionKeypoints. These are taken
/// from `declared` (the wanted type of each output, in order) and only checked. For all others
/// `declared` may be empty. Throws BuildError with the reason, without the node's name.
std::vector<TensorType> infer_types(const Graph& graph, Op op, const Attributes& attributes,
                                    const std::vector<ValueId>& inputs,
                                    const std::vector<TensorType>& declared);

/// The same for a node in the graph; its existing outputs are `declared`.
std::vector<TensorType> infer_types(const Graph& graph, const Node& node);

}  // namespace stint::builder
