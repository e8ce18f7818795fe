#include "host_builder/schedule/memory_planner.h"

#include <algorithm>

#include "host_builder/schedule/exact_packing.h"
#include "host_builder/schedule/greedy_packing.h"
#include "host_builder/schedule/packing_problem.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

// Share of the budget that the goal itself gets; the rest looks for the smallest peak between goal
// and what is known.
constexpr uint64_t kGoalShare = 2;
constexpr int kBisections = 8;

void improve_exactly(const PackingProblem& problem, uint64_t goal, bool capacity_given,
                     uint64_t steps, GreedyPacking& best) {
  Offsets offsets;
  auto try_capacity = [&](uint64_t capacity, uint64_t budget) {
    steps -= std::min(steps, budget);
    const SearchResult result = pack_exactly(problem, capacity, budget, offsets);
    steps += budget;
    if (result == SearchResult::kFound) best = {offsets, peak_of(problem, offsets), "exact search"};
    return result == SearchResult::kFound;
  };
  if (try_capacity(goal, capacity_given ? steps : steps / kGoalShare) || capacity_given) return;
  uint64_t failed = goal;
  for (int i = 0; i < kBisections && best.peak > failed + 1; ++i) {
    const uint64_t middle = failed + (best.peak - failed) / 2;
    if (!try_capacity(middle, steps / static_cast<uint64_t>(kBisections - i))) failed = middle;
  }
}

}  // namespace

MemoryPlan plan_memory(const std::vector<BufferRequest>& requests, const PlannerOptions& options) {
  const PackingProblem problem = make_packing_problem(requests);
  const uint64_t goal = std::max(options.capacity, problem.lower_bound);
  GreedyPacking best = pack_greedily(problem, goal);
  if (best.peak > goal && options.search_steps > 0) {
    improve_exactly(problem, goal, options.capacity > 0, options.search_steps, best);
  }
  MemoryPlan plan;
  plan.offsets.assign(requests.size(), 0);
  for (size_t i = 0; i < problem.size(); ++i) plan.offsets[problem.request[i]] = best.offsets[i];
  plan.peak = best.peak;
  plan.lower_bound = problem.lower_bound;
  plan.heuristic = best.heuristic;
  return plan;
}

}  // namespace stint::builder
