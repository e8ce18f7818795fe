// The image as the network's input has it, planes apart, read by the first convolution itself.
#pragma once

#include "host_builder/graph/graph.h"
#include "host_builder/targets/target.h"

namespace stint::builder {

/// A transpose whose result only convolutions of few channels read, on a target where these read
/// any strides (first_layer.cc), becomes a view: no step. Requires a physical graph with its final
/// types; returns the number of transposes that are gone.
size_t view_planes(Graph& graph, const Target& target);

}  // namespace stint::builder
