// Fast packings: a portfolio of orders with two ways to choose a gap, and a seeded hill climb over
// orders.
#pragma once

#include <string>

#include "host_builder/schedule/packing_problem.h"

namespace stint::builder {

struct GreedyPacking {
  Offsets offsets;
  uint64_t peak = 0;
  std::string heuristic;
};

/// The best of the portfolio; ties go to the heuristic listed first. Stops early at a peak of at
/// most `goal`. Deterministic.
GreedyPacking pack_greedily(const PackingProblem& problem, uint64_t goal);

}  // namespace stint::builder
