// Which node of a model reads what.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace stint::builder {

/// Everything the node reads, by its subgraphs too (whose own values are harmless extra names).
std::vector<std::string> operands_of(const onnx::NodeProto& node);

}  // namespace stint::builder
