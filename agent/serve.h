// Answers the requests of a builder.
#pragma once

#include <cstdint>
#include <cstdio>

namespace stint {

struct AgentSettings {
  uint32_t device = 0;   // CUDA ordinal
  uint32_t threads = 1;  // of plans for cpu
};

/// Until the input ends (0), a request cannot be understood or the device is lost (1).
int serve(std::FILE* in, std::FILE* out, const AgentSettings& settings);

}  // namespace stint
