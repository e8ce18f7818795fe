// The fixed frame around the flatbuffer: [FileHeader][SegmentEntry x n][flatbuffer][aligned
// segments...]. Little-endian, 64-bit offsets from the start of the file. Evolution rules:
// README.md.
#pragma once

#include <cstdint>

namespace stint {

inline constexpr char kPlanMagic[8] = {'S', 'T', 'I', 'N', 'T', 'P', 'L', 'N'};
inline constexpr uint16_t kPlanMajor = 1;      // must match
inline constexpr uint16_t kPlanMinor = 1;      // older and newer are accepted
inline constexpr uint64_t kKnownFeatures = 0;  // required-feature bits this code understands
inline constexpr uint64_t kFlatbufferAlignment = 64;
inline constexpr uint64_t kSegmentAlignment = 256;
inline constexpr uint64_t kLargeSegmentAlignment = 4096;  // segments of 64 KiB and more
inline constexpr uint64_t kLargeSegmentBytes = 65536;
inline constexpr uint32_t kNone = 0xFFFFFFFFu;  // "no tensor"

struct FileHeader {
  char magic[8];
  uint32_t header_bytes;  // sizeof(FileHeader) of the writer; >= ours
  uint16_t major;
  uint16_t minor;
  uint64_t required_features;
  uint64_t flatbuffer_offset;
  uint64_t flatbuffer_bytes;
  uint64_t segment_table_offset;
  uint32_t segment_count;
  uint32_t reserved;
  uint64_t total_bytes;
  uint64_t flatbuffer_checksum;  // checksum64 (plan_schema/checksum.h)
};
static_assert(sizeof(FileHeader) == 72);

enum class SegmentKind : uint32_t { kWeights = 0, kCubin = 1 };

struct SegmentEntry {
  uint64_t offset;
  uint64_t bytes;
  SegmentKind kind;
  uint32_t alignment;
  uint64_t checksum;
};
static_assert(sizeof(SegmentEntry) == 32);

}  // namespace stint
