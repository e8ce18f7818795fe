// Complete search for a packing within a capacity.
#pragma once

#include <cstdint>

#include "host_builder/schedule/packing_problem.h"

namespace stint::builder {

enum class SearchResult { kFound, kImpossible, kBudgetSpent };

/// Looks for offsets with a peak of at most `capacity`. Complete: without a budget it either finds
/// a packing or shows that there is none. `steps` counts down as the search spends it.
/// Deterministic.
SearchResult pack_exactly(const PackingProblem& problem, uint64_t capacity, uint64_t& steps,
                          Offsets& offsets);

}  // namespace stint::builder
