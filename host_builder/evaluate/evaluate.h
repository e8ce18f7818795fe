// Runs a graph on the host through the very kernels a CPU plan uses: constant folding, reference
// for `stint verify`, calibration. Not fast to set up, free to allocate.
#pragma once

#include <vector>

#include "host_builder/graph/host_tensor.h"

namespace stint::builder {

/// Evaluates one node on constant operands; returns one tensor per output. Throws BuildError.
std::vector<HostTensor> evaluate_node(Graph& graph, const Node& node,
                                      const std::vector<const HostTensor*>& inputs);

}  // namespace stint::builder
