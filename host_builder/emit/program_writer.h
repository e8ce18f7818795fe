// One program and its decisions as flatbuffer tables.
#pragma once

#include <vector>

#include "host_builder/emit/plan_writer.h"
#include "host_builder/emit/weights_segment.h"
#include "plan_schema/plan_generated.h"

namespace stint::builder {

using Builder = flatbuffers::FlatBufferBuilder;

/// Constants go to `weights`, which is segment `weights_index`.
flatbuffers::Offset<fb::Program> write_program(Builder& builder, const PlanProgram& program,
                                               WeightsSegment& weights, uint32_t weights_index);

/// Appends one decision per step.
void write_decisions(Builder& builder, const Schedule& schedule,
                     std::vector<flatbuffers::Offset<fb::Decision>>& decisions);

}  // namespace stint::builder
