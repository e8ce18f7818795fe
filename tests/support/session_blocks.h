// Memory for one engine or session, each block at exactly the required size, so that sanitizers see
// every byte too many; and what tests make with it through the C API.
#pragma once

#include "core/include/stint/stint.hpp"
#include "tests/support/aligned_bytes.h"

namespace stint::test {

struct SessionBlocks {
  explicit SessionBlocks(const stint_requirements& need) {
    for (int i = 0; i < STINT_MAX_SPACES; ++i) {
      const bool is_needed = need.space[i].bytes != 0;
      blocks[i] = AlignedBytes(need.space[i].bytes, is_needed ? need.space[i].alignment : 64);
      memory.space[i] = {blocks[i].data(), need.space[i].bytes};
    }
  }
  AlignedBytes blocks[STINT_MAX_SPACES];
  Memory memory;
};

inline Options options_of(uint32_t threads, uint32_t profile = 0) {
  Options options;
  options.threads = threads;
  options.profile = profile;
  return options;
}

/// What an engine needs; all zero if it cannot be known.
inline Requirements engine_need(const stint_plan& plan, const char* target = nullptr) {
  Requirements need;
  if (stint_engine_requirements(&plan, target, nullptr, &need).code != STINT_OK) return {};
  return need;
}

/// An engine on the host, the CPU's by default; null where it could not be made.
class HostEngine {
 public:
  explicit HostEngine(const stint_plan& plan) : blocks_(engine_need(plan)) {
    if (stint_engine_create(&plan, nullptr, nullptr, &blocks_.memory, &engine_).code != STINT_OK)
      engine_ = nullptr;
  }
  ~HostEngine() { stint_engine_destroy(engine_); }
  HostEngine(const HostEngine&) = delete;
  HostEngine& operator=(const HostEngine&) = delete;

  stint_engine* get() const { return engine_; }

 private:
  SessionBlocks blocks_;
  stint_engine* engine_ = nullptr;
};

}  // namespace stint::test
