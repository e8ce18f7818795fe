// The order in which the nodes of a body can be translated.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace stint::builder {

using NodeList = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

/// "its name", else its first result, else "#3".
std::string node_name(const onnx::NodeProto& node, int index);

/// Positions of the nodes such that each stands behind those whose results it reads, be it in one
/// of its subgraphs. Nodes that are sorted, as ONNX asks, keep their order. Throws Refusal if nodes
/// wait for each other.
std::vector<int> node_order(const NodeList& nodes);

}  // namespace stint::builder
