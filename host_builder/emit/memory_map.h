// Recovers from a finished program which bytes of its arenas are in use from which step to which.
#pragma once

#include <cstdint>
#include <vector>

#include "plan_schema/plan_generated.h"

namespace stint::builder {

/// Memory that one or several tensors (views, in-place results, parts) occupy over a stretch of
/// steps.
struct MemoryBlock {
  uint32_t arena = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint32_t first = 0;  // steps, inclusive
  uint32_t last = 0;
  bool workspace = false;
  std::vector<uint32_t> tensors;
};

/// Blocks by arena, first step, offset. The program must have been verified.
std::vector<MemoryBlock> map_memory(const fb::Program& program);

}  // namespace stint::builder
