// The bytes of a frame that is copied to the device.
#pragma once

#include "core/cuda/cuda_session.h"
#include "kernels/cpu/image_check.h"

namespace stint::cuda {

/// From the first pixel of a plane to behind its last one. The frame was checked, so that nothing
/// wraps: strides and heights are below 2^31 and 2^15.
inline uint64_t plane_bytes(const ImageView& image, uint32_t plane) {
  const auto format = static_cast<PixelFormat>(image.format);
  const uint64_t rows = plane == 0 ? image.height : (uint64_t{image.height} + 1) / 2;
  return static_cast<uint64_t>(image.strides[plane]) * (rows - 1) +
         cpu::plane_row_bytes(format, plane, image.width);
}

inline uint64_t frame_bytes(const ImageView& image) {
  uint64_t bytes = 0;
  for (uint32_t p = 0; p < cpu::plane_count(static_cast<PixelFormat>(image.format)); ++p)
    bytes += plane_bytes(image, p);
  return bytes;
}

/// Of a batch slot of an image binding, among all.
inline uint64_t slot_index(const stint_session& session, uint32_t binding, uint32_t slot) {
  return frames_offset(*session.program, binding) / sizeof(ImageView) + slot;
}

}  // namespace stint::cuda
