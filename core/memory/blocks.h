// The caller's blocks: large enough, aligned, and apart from everything else.
#pragma once

#include "core/include/stint/stint.h"
#include "plan_schema/status.h"

namespace stint {

/// Requirements of nothing, as every space begins.
stint_requirements no_requirements();

/// Whether each block that is needed is there, large enough and aligned; I/O may be missing.
Status check_blocks(const stint_memory& memory, const stint_requirements& needed);

/// Of each block the part that will be used; empty where it is not there.
struct UsedBlocks {
  stint_block space[STINT_MAX_SPACES] = {};
};
UsedBlocks used_blocks(const stint_memory& memory, const stint_requirements& needed);

/// Whether they overlap neither each other nor the plan's bytes.
Status check_apart(const UsedBlocks& blocks, const stint_plan& plan);
/// Whether a session's blocks overlap none of its engine's.
Status check_apart(const UsedBlocks& blocks, const UsedBlocks& engine);

}  // namespace stint
