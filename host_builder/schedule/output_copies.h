// Graph outputs become buffers of their own. What cannot be computed there is copied there by a
// last node.
#pragma once

#include <cstddef>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Inserts a copy for every output that is a constant, a graph input, not dense, only a part of its
/// storage, or shares its storage with another output. Returns how many.
size_t insert_output_copies(Graph& graph);

}  // namespace stint::builder
