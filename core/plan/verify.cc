#include "core/plan/verify.h"

#include <cstring>

#include "core/plan/checked.h"
#include "core/plan/limits.h"
#include "core/plan/weight_ranges.h"

namespace stint {
namespace {

Status verify_program(const fb::Program& program, const Frame& frame, fb::TargetKind target) {
  if (program.batch() == 0 || program.batch() > kMaxBatch) {
    return corrupt("program: its batch is out of range", program.batch(), kMaxBatch);
  }
  ProgramContext context;
  context.program = &program;
  context.frame = &frame;
  context.target = target;
  STINT_RETURN_IF_ERROR(verify_memory(&context));
  STINT_RETURN_IF_ERROR(verify_tensors(context));
  STINT_RETURN_IF_ERROR(verify_bindings(context));
  return verify_steps(context);
}

Status verify_variant(const fb::TargetVariant& variant, uint32_t index, const Frame& frame) {
  if (variant.name()->size() == 0 || variant.name()->size() > kMaxTargetName) {
    return corrupt_at(at_target(index), "target: its name is empty or too long",
                      variant.name()->size(), kMaxTargetName);
  }
  if (std::strlen(variant.name()->c_str()) != variant.name()->size()) {
    return corrupt_at(at_target(index), "target: its name contains a zero byte");
  }
  if (variant.kind() != fb::TargetKind::Cpu && variant.kind() != fb::TargetKind::Cuda) {
    return corrupt_at(at_target(index), "target: unknown kind",
                      static_cast<int64_t>(variant.kind()), 1);
  }
  if ((variant.kind() == fb::TargetKind::Cuda) != (variant.sm() != 0)) {
    return corrupt_at(at_target(index), "target: GPU targets, and only they, have an SM",
                      variant.sm());
  }
  if (variant.programs()->size() == 0)
    return corrupt_at(at_target(index), "target: it has no program");
  uint32_t previous = 0;
  for (const fb::Program* program : *variant.programs()) {
    if (program->batch() <= previous) {
      return corrupt_at(at_target(index),
                        "target: its programs must have different batches, ascending",
                        program->batch(), previous);
    }
    previous = program->batch();
    STINT_RETURN_IF_ERROR(verify_program(*program, frame, variant.kind()));
  }
  if (variant.kind() != fb::TargetKind::Cuda) return ok_status();
  WeightRanges ranges;
  return collect_weight_ranges(variant, &ranges);
}

}  // namespace

Status verify_plan(const fb::Plan& plan, const Frame& frame) {
  const auto& variants = *plan.variants();
  for (uint32_t i = 0; i < frame.segment_count; ++i) {
    if (frame.segments[i].kind == SegmentKind::kCubin)
      STINT_RETURN_IF_ERROR(verify_cubin(frame, i));
  }
  if (variants.size() == 0 || variants.size() > kMaxVariants) {
    return corrupt("plan: number of targets out of range", variants.size(), kMaxVariants);
  }
  for (uint32_t i = 0; i < variants.size(); ++i) {
    STINT_RETURN_IF_ERROR(verify_variant(*variants.Get(i), i, frame));
    for (uint32_t k = 0; k < i; ++k) {
      if (std::strcmp(variants.Get(i)->name()->c_str(), variants.Get(k)->name()->c_str()) == 0) {
        return corrupt_at(at_target(i), "plan: two targets have the same name", i, k);
      }
    }
  }
  return ok_status();
}

Status verify_memory(ProgramContext* context) {
  const fb::Program& program = *context->program;
  const auto& arenas = *program.arenas();
  if (arenas.size() > kMaxArenas)
    return corrupt("program: too many arenas", arenas.size(), kMaxArenas);
  if (program.worker_scratch() > kMaxWorkerScratch) {
    return corrupt("program: its scratch memory per worker is too large",
                   static_cast<int64_t>(program.worker_scratch() >> 1),
                   static_cast<int64_t>(kMaxWorkerScratch));
  }
  uint64_t sum = program.io_bytes();
  for (uint32_t i = 0; i < arenas.size(); ++i) {
    const fb::Arena& arena = *arenas.Get(i);
    const fb::MemorySpace space =
        context->target == fb::TargetKind::Cpu ? fb::MemorySpace::Host : fb::MemorySpace::Device;
    if (arena.space() != space) {
      return corrupt_at(at_arena(i), "arena: its memory space is not the target's",
                        static_cast<int64_t>(arena.space()), static_cast<int64_t>(space));
    }
    if (!is_power_of_two(arena.alignment()) || arena.alignment() < kMinBaseAlignment ||
        arena.alignment() > kMaxBaseAlignment) {
      return corrupt_at(at_arena(i), "arena: its alignment is not a power of two from 64 to 4096",
                        arena.alignment(), kMinBaseAlignment);
    }
    uint64_t padded = 0;
    if (!checked_align(arena.bytes(), kMaxBaseAlignment, &padded) ||
        !checked_add(sum, padded, &sum)) {
      return corrupt_at(at_arena(i), "arena: the sum of all arenas does not fit in 64 bits");
    }
  }
  for (uint32_t i = 0; i < context->frame->segment_count; ++i) {
    if (!checked_add(sum, context->frame->segments[i].bytes, &sum)) {
      return corrupt_at(at_segment(i), "program: the sum of its memory does not fit in 64 bits");
    }
  }
  context->memory_bytes = sum;
  return ok_status();
}

}  // namespace stint
