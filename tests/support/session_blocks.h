// Memory for one session, each block at exactly the required size, so that sanitizers see every
// byte too many.
#pragma once

#include "core/include/stint/stint.h"
#include "tests/support/aligned_bytes.h"

namespace stint::test {

struct SessionBlocks {
  explicit SessionBlocks(const stint_requirements& need) {
    for (int i = 0; i < STINT_SPACE_COUNT; ++i) {
      blocks[i] = AlignedBytes(need.space[i].bytes, need.space[i].alignment);
      memory.space[i] = {blocks[i].data(), need.space[i].bytes};
    }
  }
  AlignedBytes blocks[STINT_SPACE_COUNT];
  stint_memory memory;
};

}  // namespace stint::test
