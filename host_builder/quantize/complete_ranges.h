// Ranges by the names of the model, given to the values of a graph that passes have changed.
#pragma once

#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/graph/tensor_range.h"

namespace stint::builder {

/// Of those values of the graph whose range is known: by their own name, by the model's name of a
/// value in another order of axes (range_name), from a value with the same elements (transposed,
/// reshaped), or, where convolutions were merged, from all slices of their result together.
TensorRanges complete_ranges(const Graph& graph, const TensorRanges& ranges);

/// Values that convolutions and matrix products read, constants aside, whose range is not known:
/// what a cache of this network cannot be without. Each once, in the graph's order.
std::vector<std::string> operands_without_range(const Graph& graph, const TensorRanges& ranges);

}  // namespace stint::builder
