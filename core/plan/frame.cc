#include "core/plan/frame.h"

#include <cstring>

#include "core/plan/checked.h"
#include "plan_schema/checksum.h"

namespace stint {
namespace {

// flatbuffers addresses with signed 32-bit offsets.
constexpr uint64_t kMaxFlatbufferBytes = 0x7FFFFFFEu;

Status check_identity(const FileHeader& header) {
  if (std::memcmp(header.magic, kPlanMagic, sizeof kPlanMagic) != 0) {
    return {Code::kNotAPlan, kNoDetail,
            "the file does not begin with STINTPLN: not a plan, or damaged"};
  }
  if (header.major != kPlanMajor) {
    return {
        Code::kIncompatibleVersion, kNoDetail,
        "the plan's format version is not this library's; build the plan with the matching stint",
        header.major, kPlanMajor};
  }
  if (const uint64_t unknown = header.required_features & ~kKnownFeatures; unknown != 0) {
    return {Code::kUnknownFeature, kNoDetail,
            "the plan needs features that this library does not have; use a newer one",
            static_cast<int64_t>(unknown), static_cast<int64_t>(kKnownFeatures)};
  }
  return ok_status();
}

Status check_ranges(const FileHeader& header, uint64_t size) {
  if (header.header_bytes < sizeof(FileHeader)) {
    return corrupt(
        "header: damaged (its length is below that of its format version); copy or build "
        "the plan again",
        header.header_bytes, sizeof(FileHeader));
  }
  if (header.total_bytes > size) {
    return {Code::kTruncatedPlan, kNoDetail, "the file is shorter than its header says",
            static_cast<int64_t>(size), static_cast<int64_t>(header.total_bytes)};
  }
  const uint64_t total = header.total_bytes;
  if (header.header_bytes > total)
    return corrupt("header: its length is beyond the file", header.header_bytes, total);
  if (header.flatbuffer_offset < header.header_bytes ||
      !range_inside(header.flatbuffer_offset, header.flatbuffer_bytes, total)) {
    return corrupt("header: the flatbuffer lies outside the file", header.flatbuffer_offset, total);
  }
  if (header.flatbuffer_bytes > kMaxFlatbufferBytes) {
    return corrupt("header: the flatbuffer is larger than flatbuffers can be",
                   header.flatbuffer_bytes, kMaxFlatbufferBytes);
  }
  const uint64_t table_bytes =
      uint64_t{header.segment_count} * sizeof(SegmentEntry);  // 2^32 * 32 fits
  if (header.segment_table_offset < header.header_bytes ||
      !range_inside(header.segment_table_offset, table_bytes, total)) {
    return corrupt("header: the segment table lies outside the file", header.segment_table_offset,
                   total);
  }
  return ok_status();
}

Status check_alignment(const void* bytes, const FileHeader& header) {
  if (const auto misalignment = reinterpret_cast<uintptr_t>(bytes) % kFlatbufferAlignment;
      misalignment != 0) {
    return {Code::kBlockMisaligned, kNoDetail, "the plan's bytes are not 64-byte aligned in memory",
            static_cast<int64_t>(misalignment), kFlatbufferAlignment};
  }
  if (header.flatbuffer_offset % kFlatbufferAlignment != 0) {
    return corrupt("header: the flatbuffer is misaligned", header.flatbuffer_offset,
                   kFlatbufferAlignment);
  }
  if (header.segment_table_offset % alignof(SegmentEntry) != 0) {
    return corrupt("header: the segment table is misaligned", header.segment_table_offset,
                   alignof(SegmentEntry));
  }
  return ok_status();
}

Status check_segment(const SegmentEntry& segment, uint32_t index, uint64_t total) {
  if (!range_inside(segment.offset, segment.bytes, total)) {
    return {Code::kCorruptPlan, at_segment(index), "segment: it lies outside the file",
            static_cast<int64_t>(segment.offset), static_cast<int64_t>(total)};
  }
  if (segment.kind != SegmentKind::kWeights && segment.kind != SegmentKind::kCubin) {
    return {Code::kCorruptPlan, at_segment(index), "segment: unknown kind",
            static_cast<int64_t>(segment.kind), 0};
  }
  if (!is_power_of_two(segment.alignment) || segment.alignment < kSegmentAlignment) {
    return {Code::kCorruptPlan, at_segment(index),
            "segment: its alignment is not a power of two of at least 256", segment.alignment,
            kSegmentAlignment};
  }
  if (segment.offset % segment.alignment != 0) {
    return {Code::kCorruptPlan, at_segment(index), "segment: it is misaligned",
            static_cast<int64_t>(segment.offset), segment.alignment};
  }
  return ok_status();
}

Status check_checksums(const Frame& frame, const unsigned char* bytes,
                       uint64_t flatbuffer_checksum) {
  constexpr const char* kDamaged =
      "the file is damaged: a checksum does not match; copy or build the plan again";
  if (checksum64(frame.flatbuffer, frame.flatbuffer_bytes) != flatbuffer_checksum) {
    return {Code::kChecksumMismatch, kNoDetail, kDamaged, -1, 0};
  }
  for (uint32_t i = 0; i < frame.segment_count; ++i) {
    const SegmentEntry& segment = frame.segments[i];
    if (checksum64(bytes + segment.offset, segment.bytes) != segment.checksum) {
      return {Code::kChecksumMismatch, at_segment(i), kDamaged, i, 0};
    }
  }
  return ok_status();
}

// Segments of a sane file do not overlap, so together they are no longer than the file. A file that
// repeats one range thousands of times would make the checksums cost the square of its size.
Status check_segment_sum(const Frame& frame) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < frame.segment_count; ++i) {
    if (!checked_add(sum, frame.segments[i].bytes, &sum) || sum > frame.total_bytes) {
      return {Code::kCorruptPlan, at_segment(i), "segments: together they are longer than the file",
              static_cast<int64_t>(sum), static_cast<int64_t>(frame.total_bytes)};
    }
  }
  return ok_status();
}

}  // namespace

Status read_frame(const void* bytes, uint64_t size, Frame* frame) {
  FileHeader header;
  if (size < sizeof header) {
    return {Code::kTruncatedPlan, kNoDetail, "the file is shorter than a plan's header",
            static_cast<int64_t>(size), sizeof header};
  }
  std::memcpy(&header, bytes, sizeof header);
  STINT_RETURN_IF_ERROR(check_identity(header));
  STINT_RETURN_IF_ERROR(check_ranges(header, size));
  STINT_RETURN_IF_ERROR(check_alignment(bytes, header));

  const auto* begin = static_cast<const unsigned char*>(bytes);
  frame->begin = begin;
  frame->total_bytes = header.total_bytes;
  frame->flatbuffer = begin + header.flatbuffer_offset;
  frame->flatbuffer_bytes = header.flatbuffer_bytes;
  frame->segments = reinterpret_cast<const SegmentEntry*>(begin + header.segment_table_offset);
  frame->segment_count = header.segment_count;
  for (uint32_t i = 0; i < frame->segment_count; ++i) {
    STINT_RETURN_IF_ERROR(check_segment(frame->segments[i], i, header.total_bytes));
  }
  STINT_RETURN_IF_ERROR(check_segment_sum(*frame));
  return check_checksums(*frame, begin, header.flatbuffer_checksum);
}

}  // namespace stint
