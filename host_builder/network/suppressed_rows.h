// The rows of a NonMaxSuppression are as many as boxes survive; a static plan holds the most there
// can be. What the model computes from the rows that no box took must not look like a box.
#pragma once

#include "host_builder/graph/graph.h"
#include "host_builder/network/findings.h"

namespace stint::builder {

/// Where the number of surviving boxes decides what cannot be static.
inline constexpr Action kSuppressInPlan =
    "pass --postprocess boxes-scores,boxes=NAME,scores=NAME with the two values that the "
    "NonMaxSuppression reads, or export the model without it";

/// Follows the rows of every NonMaxSuppression to the graph's outputs and makes the unused ones 0
/// there (integers, and floats cast from its own: -1). Where a node mixes rows, so that unused ones
/// would change a result, that is a finding: it names the node, and the --postprocess that replaces
/// the tail.
void blank_unused_rows(Graph& graph, NetworkFindings& findings);

}  // namespace stint::builder
