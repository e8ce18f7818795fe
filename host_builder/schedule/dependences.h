// Data dependences between steps.
#pragma once

#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/schedule/schedule.h"
#include "host_builder/schedule/storage_map.h"

namespace stint::builder {

/// Pairs of steps of which the later one reads what the earlier wrote, overwrites it, or overwrites
/// what the earlier read. Sorted, each pair once. Sharing of arena memory over time makes no
/// dependence: it follows from the order of execution.
std::vector<Dependence> find_dependences(const Graph& graph,
                                         const std::vector<const StepSpec*>& steps,
                                         const StorageMap& map);

}  // namespace stint::builder
