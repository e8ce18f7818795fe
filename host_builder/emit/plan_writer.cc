#include "host_builder/emit/plan_writer.h"

#include <cstring>

#include "core/include/stint/stint.h"
#include "host_builder/emit/program_writer.h"
#include "host_builder/emit/weights_segment.h"
#include "host_builder/graph/error.h"
#include "plan_schema/checksum.h"
#include "plan_schema/file_format.h"

namespace stint::builder {
namespace {

constexpr uint32_t kWeightsIndex = 0;

flatbuffers::Offset<fb::TargetVariant> write_variant(Builder& builder, const PlanContents& contents,
                                                     WeightsSegment& weights) {
  std::vector<flatbuffers::Offset<fb::Program>> programs;
  std::vector<flatbuffers::Offset<fb::Decision>> decisions;
  for (const PlanProgram& program : contents.programs) {
    programs.push_back(write_program(builder, program, weights, kWeightsIndex));
    write_decisions(builder, *program.schedule, decisions);
  }
  const auto name = builder.CreateString(contents.target);
  const auto programs_offset = builder.CreateVector(programs);
  const auto decisions_offset = builder.CreateVector(decisions);
  return fb::CreateTargetVariant(builder, name, fb::TargetKind::Cpu, 0, 0, 0, programs_offset,
                                 decisions_offset);
}

void write_root(Builder& builder, const PlanContents& contents, WeightsSegment& weights) {
  const std::vector<flatbuffers::Offset<fb::TargetVariant>> variants = {
      write_variant(builder, contents, weights)};
  const auto name = builder.CreateString(contents.name);
  const auto hash = builder.CreateVector(contents.source_hash.data(), contents.source_hash.size());
  const auto version = builder.CreateString("stint " STINT_VERSION_STRING);
  const auto variants_offset = builder.CreateVector(variants);
  const auto labels = builder.CreateVectorOfStrings(contents.labels);
  builder.Finish(fb::CreatePlan(builder, name, hash, version, variants_offset, labels),
                 fb::PlanIdentifier());
}

/// A file that grows by aligned pieces.
class File {
 public:
  uint64_t append(const void* data, size_t bytes, uint64_t alignment) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment, std::byte{0});
    const uint64_t offset = bytes_.size();
    const auto* begin = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), begin, begin + bytes);
    return offset;
  }
  void overwrite(uint64_t offset, const void* data, size_t bytes) {
    std::memcpy(bytes_.data() + offset, data, bytes);
  }
  uint64_t size() const { return bytes_.size(); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace

std::vector<std::byte> write_plan(const PlanContents& contents) {
  if (contents.programs.empty()) throw BuildError("a plan needs at least one program");
  Builder builder;
  WeightsSegment weights;
  write_root(builder, contents, weights);

  FileHeader header = {};
  std::memcpy(header.magic, kPlanMagic, sizeof kPlanMagic);
  header.header_bytes = sizeof header;
  header.major = kPlanMajor;
  header.minor = kPlanMinor;
  header.segment_count = weights.used() ? 1 : 0;
  SegmentEntry entry = {};

  File file;
  file.append(&header, sizeof header, 1);
  header.segment_table_offset =
      file.append(&entry, header.segment_count * sizeof entry, alignof(SegmentEntry));
  header.flatbuffer_bytes = builder.GetSize();
  header.flatbuffer_offset =
      file.append(builder.GetBufferPointer(), builder.GetSize(), kFlatbufferAlignment);
  header.flatbuffer_checksum = checksum64(builder.GetBufferPointer(), builder.GetSize());
  if (header.segment_count > 0) {
    const std::vector<std::byte>& bytes = weights.bytes();
    entry.kind = SegmentKind::kWeights;
    entry.alignment = static_cast<uint32_t>(
        bytes.size() >= kLargeSegmentBytes ? kLargeSegmentAlignment : kSegmentAlignment);
    entry.bytes = bytes.size();
    entry.checksum = checksum64(bytes.data(), bytes.size());
    entry.offset = file.append(bytes.data(), bytes.size(), entry.alignment);
    file.overwrite(header.segment_table_offset, &entry, sizeof entry);
  }
  header.total_bytes = file.size();
  file.overwrite(0, &header, sizeof header);
  return file.take();
}

}  // namespace stint::builder
