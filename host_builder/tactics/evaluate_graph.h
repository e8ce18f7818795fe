// A whole graph on the host, node by node through the CPU kernels: the reference of `stint verify`.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "host_builder/tactics/evaluate.h"

namespace stint::builder {

/// Called with every node output, dense, in execution order.
using ValueObserver = std::function<void(ValueId, const HostTensor&)>;

/// Inputs by name, dense, in the shapes of the graph's inputs; returns the outputs by name. The graph must be in physical
/// order (after the layout pass); values may be views. Everything computed is kept until the end. Throws BuildError.
std::map<std::string, HostTensor> evaluate_graph(Graph& graph, const std::map<std::string, HostTensor>& inputs,
                                                 const ValueObserver& observer = {});

}  // namespace stint::builder
