// One program and its decisions as flatbuffer tables.
#pragma once

#include <vector>

#include "host_builder/emit/plan_writer.h"
#include "host_builder/emit/segments.h"
#include "host_builder/emit/weights_segment.h"
#include "plan_schema/plan_generated.h"

namespace stint::builder {

using Builder = flatbuffers::FlatBufferBuilder;

/// Where a program's constants and code lie. `weights` holds every constant of the program already.
struct ProgramSegments {
  WeightsSegment* weights = nullptr;
  uint32_t weights_index = 0;
  Segments* code = nullptr;
};

/// Puts the program's constants into the segment, in the order of its tensors.
void add_constants(const PlanProgram& program, WeightsSegment& weights);

flatbuffers::Offset<fb::Program> write_program(Builder& builder, const PlanProgram& program,
                                               const ProgramSegments& segments);

/// Appends one decision per step.
void write_decisions(Builder& builder, const Schedule& schedule,
                     std::vector<flatbuffers::Offset<fb::Decision>>& decisions);

}  // namespace stint::builder
