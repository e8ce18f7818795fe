// The semantic pass: after it, every index, range and size that a session or a kernel relies on is
// known to be right.
#pragma once

#include "core/plan/frame.h"
#include "core/plan/tensor_extent.h"
#include "plan_schema/plan_generated.h"

namespace stint {

Status verify_plan(const fb::Plan& plan, const Frame& frame);

/// What the parts of a program are checked against.
struct ProgramContext {
  const fb::Program* program = nullptr;
  const Frame* frame = nullptr;
  fb::TargetKind target = fb::TargetKind::Cpu;
  uint64_t memory_bytes = 0;  // arenas + I/O + segments: bounds the work that one tensor can cause
};

inline Status corrupt_at(Detail at, const char* message, int64_t found = 0, int64_t needed = 0) {
  return {Code::kCorruptPlan, at, message, found, needed};
}

/// Arenas, sizes, and `memory_bytes` of the context. verify_tensors may then be called, then
/// verify_bindings and verify_steps.
Status verify_memory(ProgramContext* context);
Status verify_tensors(const ProgramContext& context);
Status verify_bindings(const ProgramContext& context);
Status verify_steps(const ProgramContext& context);

/// A segment of machine code, as far as the CUDA driver reads it without being told its length.
Status verify_cubin(const Frame& frame, uint32_t segment);

/// A CPU step's operands and its kernel's own check; a GPU step's launch.
Status verify_cpu_step(const ProgramContext& context, const fb::Step& step, uint32_t index);
Status verify_cuda_step(const ProgramContext& context, const fb::Step& step, uint32_t index);

}  // namespace stint
