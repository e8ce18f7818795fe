// A node in words, for messages.
#pragma once

#include <string>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// "node 'x' (Conv) for the operands f32[1x3x224x224] f32[64x3x7x7]"
std::string describe_node(const Graph& graph, const Node& node);

}  // namespace stint::builder
