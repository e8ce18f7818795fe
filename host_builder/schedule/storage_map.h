// Which values share memory, and from which step to which.
#pragma once

#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/schedule/schedule.h"

namespace stint::builder {

/// What the caller binds, as values.
struct BoundValue {
  ValueId value = kNoValue;
  uint32_t binding = 0;
};

struct StorageMap {
  std::vector<uint32_t>
      of_value;  // storage of every value that a step or the caller touches; kNone for others
  std::vector<Storage> storages;  // without offsets yet
};

/// Alias classes for steps executed in this order: views with their bases, and in-place pairs whose
/// input dies there. `pinned` values keep their contents to the end of the run.
StorageMap map_storages(const Graph& graph, const std::vector<const StepSpec*>& steps,
                        const std::vector<BoundValue>& bound, const std::vector<ValueId>& pinned);

}  // namespace stint::builder
