// The output of decoders: rows of six floats with the bits of struct Detection, and how many.
// Before this header: kMaxDetections, strides kRowsSlot and kRowsRow of the detections, kCountSlot;
// has_frames and limits as frame_of(args, slot) (null without frames) and limits_of(args).
#pragma once

struct Detection {
  float x1, y1, x2, y2, score;
  int32_t class_id;
};

__device__ __forceinline__ void write_detection(const Args& args, int64_t slot, int64_t i,
                                                const Detection& d) {
  float* to = out0(args) + slot * kRowsSlot + i * kRowsRow;
  to[0] = d.x1, to[1] = d.y1, to[2] = d.x2, to[3] = d.y2, to[4] = d.score;
  to[5] = __int_as_float(d.class_id);
}

/// Writes the count; rows beyond it become class -1 with score 0. Called by all threads of a block.
__device__ __forceinline__ void finish_detections(const Args& args, int64_t slot, int64_t count) {
  if (threadIdx.x == 0) out1(args)[slot * kCountSlot] = static_cast<int32_t>(count);
  for (int64_t i = count + threadIdx.x; i < kMaxDetections; i += blockDim.x)
    write_detection(args, slot, i, {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -1});
}

__device__ __forceinline__ bool without_frame(const ImageView* image) {
  return image != nullptr && (image->width == 0 || image->height == 0);
}
