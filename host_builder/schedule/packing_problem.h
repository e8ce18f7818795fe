// The packing problem behind memory planning, in the form that the heuristics and the exact search
// share.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "host_builder/schedule/memory_planner.h"

namespace stint::builder {

/// A buffer in time x offset space. Time is cut into sections, the stretches between which the set
/// of live buffers changes; a buffer is alive in sections [first, last].
struct PackingItem {
  uint64_t bytes = 0;
  uint64_t alignment = 1;
  uint32_t first = 0;
  uint32_t last = 0;
};

struct PackingProblem {
  std::vector<PackingItem> items;  // same order as the requests that have bytes
  std::vector<uint32_t> request;   // index of the request behind each item
  std::vector<std::vector<uint32_t>>
      conflicts;  // per item: the items alive at the same time, ascending
  std::vector<std::vector<uint32_t>> sections;  // per section: the items alive, ascending
  uint64_t lower_bound = 0;

  size_t size() const { return items.size(); }
};

using Offsets = std::vector<uint64_t>;  // one per item

/// Validates the requests and builds the problem. Throws BuildError for a request no plan can hold.
PackingProblem make_packing_problem(const std::vector<BufferRequest>& requests);

uint64_t peak_of(const PackingProblem& problem, const Offsets& offsets);

constexpr uint64_t round_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace stint::builder
