// Reading a step of a plan: the same numbers at verification and when a session is made.
#pragma once

#include "core/plan/tensor_extent.h"

namespace stint {

inline uint32_t operand_count(const flatbuffers::Vector<uint32_t>* list) {
  return list == nullptr ? 0 : list->size();
}

inline uint32_t params_bytes(const fb::Step& step) {
  return step.params() == nullptr ? 0 : step.params()->size();
}

/// Every output has an axis of extent 0: such a step is never run.
bool writes_nothing(const fb::Program& program, const fb::Step& step);

/// Bytes from one worker's scratch to the next one's: the plan's number rounded up to a cache line.
uint64_t worker_scratch_pitch(const fb::Program& program);

/// Everything of a step's arguments but pointers and the thread pool.
cpu::StepArgs step_args(const fb::Program& program, const fb::Step& step);

}  // namespace stint
