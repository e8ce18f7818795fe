#include "core/memory/blocks.h"

#include "core/plan/limits.h"

namespace stint {
namespace {

const char* too_small(uint32_t space) {
  switch (space) {
    case STINT_SPACE_HOST:
      return "the host block is too small; ask stint_engine_requirements or "
             "stint_program_requirements with the same options";
    case STINT_SPACE_ARENA:
      return "the arena block is too small; ask stint_program_requirements";
    case STINT_SPACE_IO:
      return "the I/O block is too small; ask stint_program_requirements, or omit it and bind "
             "every input and output";
    default:
      return "the device block is too small; ask stint_engine_requirements or "
             "stint_program_requirements with the same options";
  }
}

bool overlap(const stint_block& a, const void* b, uint64_t b_bytes) {
  if (a.bytes == 0 || b_bytes == 0) return false;
  const auto x = reinterpret_cast<uintptr_t>(a.data), y = reinterpret_cast<uintptr_t>(b);
  return x < y ? y - x < a.bytes : x - y < b_bytes;
}

}  // namespace

stint_requirements no_requirements() {
  stint_requirements none = STINT_REQUIREMENTS_INIT;
  none.space_count = STINT_SPACE_DEVICE + 1;
  for (stint_requirement& space : none.space) space = {0, kMinBaseAlignment};
  return none;
}

Status check_blocks(const stint_memory& memory, const stint_requirements& needed) {
  for (uint32_t i = 0; i < STINT_MAX_SPACES; ++i) {
    const stint_block& block = memory.space[i];
    const stint_requirement& need = needed.space[i];
    if (i == STINT_SPACE_IO && block.data == nullptr) continue;
    if (need.bytes == 0) continue;
    const uint64_t bytes = block.data == nullptr ? 0 : block.bytes;
    if (bytes < need.bytes) {
      return {Code::kBlockTooSmall, at_space(i), too_small(i), static_cast<int64_t>(bytes),
              static_cast<int64_t>(need.bytes)};
    }
    if (const auto misalignment = reinterpret_cast<uintptr_t>(block.data) % need.alignment;
        misalignment != 0) {
      return {Code::kBlockMisaligned, at_space(i), "a memory block is misaligned",
              static_cast<int64_t>(misalignment), static_cast<int64_t>(need.alignment)};
    }
  }
  return ok_status();
}

UsedBlocks used_blocks(const stint_memory& memory, const stint_requirements& needed) {
  UsedBlocks used;
  for (uint32_t i = 0; i < STINT_MAX_SPACES; ++i) {
    if (memory.space[i].data == nullptr) continue;
    used.space[i] = {memory.space[i].data, needed.space[i].bytes};
  }
  return used;
}

Status check_apart(const UsedBlocks& blocks, const stint_plan& plan) {
  for (uint32_t i = 0; i < STINT_MAX_SPACES; ++i) {
    for (uint32_t k = 0; k < i; ++k) {
      if (overlap(blocks.space[i], blocks.space[k].data, blocks.space[k].bytes)) {
        return {Code::kInvalidArgument, at_space(i),
                "two memory blocks overlap; give each memory of its own (found, needed: their "
                "STINT_SPACE_*)",
                i, k};
      }
    }
    if (overlap(blocks.space[i], plan.bytes, plan.size)) {
      return {Code::kInvalidArgument, at_space(i),
              "a memory block overlaps the plan's bytes, which must stay as they are"};
    }
  }
  return ok_status();
}

Status check_apart(const UsedBlocks& blocks, const UsedBlocks& engine) {
  for (uint32_t i = 0; i < STINT_MAX_SPACES; ++i) {
    for (const stint_block& other : engine.space) {
      if (overlap(blocks.space[i], other.data, other.bytes)) {
        return {Code::kInvalidArgument, at_space(i),
                "a memory block overlaps one of the session's engine; give each memory of its own"};
      }
    }
  }
  return ok_status();
}

}  // namespace stint
