// Static memory planning: places buffers with known lifetimes into one arena.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace stint::builder {

/// A buffer that must exist during steps [first, last].
struct BufferRequest {
  uint64_t bytes = 0;
  int64_t first = 0;
  int64_t last = 0;
  uint64_t alignment = 64;
};

struct MemoryPlan {
  std::vector<uint64_t> offsets;  // one per request, same order
  uint64_t peak = 0;              // bytes of the arena
  uint64_t lower_bound = 0;  // largest sum of buffers alive at one step: no plan can be smaller
  std::string heuristic;     // which one won
};

struct PlannerOptions {
  uint64_t capacity = 0;  // stop as soon as the peak is at most this; 0: aim for the lower bound
  uint64_t search_steps =
      400'000;  // budget of the exact search, in steps, so that results do not depend on speed
};

/// A portfolio of greedy heuristics, then exact search if none reached the goal. Deterministic.
MemoryPlan plan_memory(const std::vector<BufferRequest>& requests,
                       const PlannerOptions& options = {});

/// Independent check: no two buffers alive at one step overlap, all are aligned and inside `peak`.
/// Throws BuildError.
void verify_memory_plan(const std::vector<BufferRequest>& requests, const MemoryPlan& plan);

}  // namespace stint::builder
