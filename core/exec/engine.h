// What the sessions of one target share. Lies at the front of the engine's host block.
#pragma once

#include <atomic>

#include "core/memory/blocks.h"
#include "core/plan/plan_access.h"

namespace stint {

namespace cuda {
struct CudaEngine;
}

/// In place of the number of sessions: there will be none any more.
inline constexpr uint32_t kEngineClosed = 0xFFFFFFFFu;

}  // namespace stint

/// The C API's opaque type. Sessions of any thread read it; only `sessions` changes.
struct stint_engine {
  std::atomic<uint32_t> sessions{0};  // alive or being made; kEngineClosed once destroyed
  int64_t process = 0;  // that created it: its device is not there for a child of fork()
  stint_plan plan = {};
  const stint::fb::TargetVariant* variant = nullptr;
  stint::UsedBlocks blocks;
  stint::cuda::CudaEngine* gpu = nullptr;  // null on the CPU
};

namespace stint {

/// Whether the engine may make sessions: neither NULL nor one of a CUDA device that the parent of
/// this process created. hold_engine() sees whether it was destroyed.
Status check_engine(const stint_engine* engine);

/// Counts a session that is about to be made, so that the engine cannot be destroyed meanwhile.
Status hold_engine(stint_engine* engine);
void release_engine(stint_engine* engine);

}  // namespace stint
