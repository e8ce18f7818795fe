// What generic kernels that write detections share (kernels/cuda/generic/detections.cuh).
#pragma once

#include "host_builder/lowering/cuda/generic/generic_source.h"
#include "plan_schema/params/decode.h"

namespace stint::builder {

/// frame_of(args, slot): null where the step has no frames.
inline void write_frame_of(GenericSource& source, bool has_frames) {
  source.line(
      "__device__ __forceinline__ const ImageView* frame_of(const Args& args, int64_t slot) {\n"
      "  (void)args, (void)slot;\n  return " +
      std::string(has_frames ? "frames(args) + slot" : "nullptr") + ";\n}");
}

/// Outputs 0 and 1 are the detections and their counts.
inline void write_detections(GenericSource& source, bool has_frames) {
  const cpu::TensorView& rows = source.output(0);
  source.constant64("kMaxDetections", rows.shape[1]);
  source.constant64("kRowsSlot", rows.strides[0]);
  source.constant64("kRowsRow", rows.strides[1]);
  source.constant64("kCountSlot", source.output(1).strides[0]);
  write_frame_of(source, has_frames);
  source.include("generic/detections.cuh");
}

}  // namespace stint::builder
