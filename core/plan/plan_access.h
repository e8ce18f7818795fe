// What an opened plan is made of. Only stint_plan_open may hand out a plan, so everything here is
// verified.
#pragma once

#include <cstddef>
#include <cstring>

#include "core/include/stint/stint.h"
#include "plan_schema/file_format.h"
#include "plan_schema/plan_generated.h"
#include "plan_schema/status.h"

namespace stint {

inline const fb::Plan* plan_root(const stint_plan& plan) {
  return static_cast<const fb::Plan*>(plan.root);
}

inline const SegmentEntry* plan_segments(const stint_plan& plan) {
  return static_cast<const SegmentEntry*>(plan.segments);
}

inline const std::byte* segment_data(const stint_plan& plan, uint32_t index) {
  return static_cast<const std::byte*>(plan.bytes) + plan_segments(plan)[index].offset;
}

/// A target of a plan at one batch size.
struct Selection {
  const fb::TargetVariant* variant = nullptr;
  const fb::Program* program = nullptr;
};

/// Whether a name of the plan is the caller's.
inline bool is_named(const flatbuffers::String& name, const char* wanted) {
  const size_t length = std::strlen(wanted);
  return name.size() == length && std::memcmp(name.data(), wanted, length) == 0;
}

/// Neither NULL nor never opened.
Status check_plan(const stint_plan* plan);
/// `target` null: the first variant that runs on the CPU.
Status select_variant(const stint_plan* plan, const char* target,
                      const fb::TargetVariant** variant);
/// What a program handle stands for; refuses NULL and one that was never filled.
Status read_program(const stint_program* program, Selection* selection);

/// Index among all bindings of the index-th input (or output); kNone if there are fewer.
uint32_t find_binding(const fb::Program& program, bool is_input, uint32_t index);
uint32_t count_bindings(const fb::Program& program, bool is_input);
/// A binding as callers count them: among inputs, or among outputs.
Detail at_io(const fb::Program& program, uint32_t binding);

inline stint_status to_c(const Status& status) {
  return {static_cast<uint32_t>(status.code),
          static_cast<uint32_t>(status.detail.kind),
          status.detail.index,
          0,
          status.message,
          status.found,
          status.needed};
}

}  // namespace stint
