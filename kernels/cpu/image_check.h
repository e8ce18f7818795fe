// Validates a frame a caller hands in, so that no kernel has to look again.
#pragma once

#include "plan_schema/image.h"
#include "plan_schema/status.h"

namespace stint::cpu {

/// OK if every pixel the format promises can be addressed: known format, matrix and range,
/// sides 1..32768, planes set, strides of at least a row's bytes, crop inside the frame. `detail`
/// is the plane concerned, if any. Errors: kUnsupportedFormat (format, matrix, range),
/// kInvalidArgument (planes, strides, crop), kShapeMismatch (sides).
Status check_image(const ImageView& image);

/// Planes of a format and bytes that one row of a plane holds; 0 beyond the format's planes.
uint32_t plane_count(PixelFormat format);
uint32_t plane_row_bytes(PixelFormat format, uint32_t plane, uint32_t width);

}  // namespace stint::cpu
