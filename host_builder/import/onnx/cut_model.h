// Ends a model at values inside of it: what a decoder of the plan replaces need not be computed,
// nor be supported.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace stint::builder {

/// Each of `names` that a node computes becomes an output of the graph. Outputs that were computed
/// from such a value are dropped, and with them the nodes that nobody reads any more. Names of
/// inputs, of outputs and of nothing change nothing; without a new output, nothing changes.
void cut_model(onnx::GraphProto& graph, const std::vector<std::string>& names);

}  // namespace stint::builder
