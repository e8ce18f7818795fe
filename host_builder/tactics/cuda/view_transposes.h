// Transposes that the kernels behind them do themselves, by their operands' strides: the image as
// the network's input has it, planes apart, before the first convolution; keys of attention.
#pragma once

#include "host_builder/graph/graph.h"
#include "host_builder/targets/target.h"

namespace stint::builder {

/// A transpose becomes a view, no step, if all that read its result take any strides on the target:
/// convolutions of few channels (first_layer.cc), products of two activations (batch_gemm.cc,
/// generic_matmul.cc). Requires a physical graph with its final types; returns the number of
/// transposes that are gone.
size_t view_transposes(Graph& graph, const Target& target);

}  // namespace stint::builder
