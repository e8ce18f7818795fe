// The two halves of the layout pass.
#pragma once

#include <set>

#include "host_builder/graph/graph.h"
#include "host_builder/passes/permutation.h"

namespace stint::builder {

/// Channels-first semantics -> physical, with a transpose on every spatial operand and result.
/// Graph inputs and outputs keep their shapes.
void to_physical(Graph& graph);

/// Moves the transpose(s) in front of a node behind it, if that costs nothing, or if it costs no
/// more than it saves at a transpose further on. True if the graph changed. `paid` holds the nodes
/// where it cost something: once each, so that no transpose wanders to and fro.
bool sink_transpose(Graph& graph, NodeId n, std::set<NodeId>& paid);

}  // namespace stint::builder
