// Runs a whole graph on the host, node by node.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "host_builder/evaluate/evaluate.h"

namespace stint::builder {

using HostTensors = std::map<std::string, HostTensor>;

/// Called with every value of the graph that a node computes, right after that node.
using ValueObserver = std::function<void(ValueId, const HostTensor&)>;

/// Results of the graph's outputs by name, for inputs by name (same type and shape as the graph
/// declares). The graph may be in any state: fresh from import (16-bit floats are then computed in
/// f32 and spatial nodes brought to physical order, value identifiers staying what they are) or
/// after all passes, with views. Throws BuildError.
HostTensors evaluate_graph(const Graph& graph, const HostTensors& inputs,
                           const ValueObserver& observer = {});

}  // namespace stint::builder
