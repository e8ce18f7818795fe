// Small nodes that bring an operand into the form a decoder reads.
#pragma once

#include <string>

#include "host_builder/graph/graph.h"

namespace stint::builder {

/// Each appends a node unless the operand already has the form, and returns the value to use.
ValueId cast_to_f32(Graph& graph, ValueId id);
ValueId reshape_to(Graph& graph, ValueId id, Shape shape);
ValueId transpose_by(Graph& graph, ValueId id, std::vector<int64_t> perm);

}  // namespace stint::builder
