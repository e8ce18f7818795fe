// stint_options, checked, cut into what concerns whom.
#pragma once

#include "core/include/stint/stint.h"
#include "plan_schema/status.h"

namespace stint {

struct EngineOptions {
  uint32_t device = 0;  // CUDA: ordinal
};

struct SessionOptions {
  uint32_t workers = 1;
  bool profile = false;
  uint64_t frame_bytes = 0;  // CUDA: room on the device for each frame
};

/// Null: the defaults.
Status read_options(const stint_options* options, EngineOptions* out);
Status read_options(const stint_options* options, SessionOptions* out);

}  // namespace stint
