// Limits the runtime puts on a plan. They bound the time and the stack that a hostile file can
// cost; a plan beyond one of them is refused when it is opened, with the limit in the message.
#pragma once

#include <cstdint>

namespace stint {

inline constexpr uint32_t kMaxVariants = 64;
inline constexpr uint32_t kMaxTargetName = 64;  // characters
inline constexpr uint32_t kMaxBatch = 1024;
inline constexpr uint32_t kMaxBindings = 1024;      // per program
inline constexpr uint32_t kMaxArenas = 64;          // per program
inline constexpr uint32_t kMaxWeightSegments = 16;  // that a GPU target's kernels read
inline constexpr uint32_t kMaxOperands = 64;        // inputs or outputs of a step
inline constexpr uint32_t kMaxParamsBytes = 4096;   // also CUDA's limit for a parameter block
inline constexpr uint64_t kMaxWorkerScratch = uint64_t{1} << 40;
inline constexpr uint64_t kMinBaseAlignment =
    64;  // of arenas, bindings and workspaces: one cache line
inline constexpr uint64_t kMaxBaseAlignment = 4096;

}  // namespace stint
