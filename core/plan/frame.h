// The frame of a plan file: fixed header, segment table, ranges, checksums. Nothing behind the
// header is read before the ranges are known to lie inside the file.
#pragma once

#include "plan_schema/file_format.h"
#include "plan_schema/status.h"

namespace stint {

struct Frame {
  uint64_t total_bytes = 0;
  const unsigned char* flatbuffer = nullptr;
  uint64_t flatbuffer_bytes = 0;
  const SegmentEntry* segments = nullptr;
  uint32_t segment_count = 0;
  const unsigned char* begin = nullptr;  // of the file
};

/// Opening steps before the flatbuffer is looked into: length, magic and version, ranges,
/// alignment, checksums.
Status read_frame(const void* bytes, uint64_t size, Frame* frame);

}  // namespace stint
