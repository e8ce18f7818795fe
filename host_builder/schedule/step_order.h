// Orders of execution that need less memory.
#pragma once

#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/schedule/dependences.h"

namespace stint::builder {

struct StepOrder {
  const char* name = "";
  std::vector<uint32_t> steps;  // indices into the given order
};

/// The given order first, then others that respect the dependences: greedy by live memory from the
/// front, from the back, and depth first. `map` must have no in-place pairs merged, as these hold
/// for one order only. Deterministic.
std::vector<StepOrder> candidate_orders(const std::vector<const StepSpec*>& steps,
                                        const StorageMap& map,
                                        const std::vector<Dependence>& dependences);

}  // namespace stint::builder
