#include "host_builder/emit/plan_writer.h"

#include <cstring>

#include "core/include/stint/stint.h"
#include "host_builder/emit/program_writer.h"
#include "host_builder/emit/segments.h"
#include "host_builder/emit/weights_segment.h"
#include "host_builder/support/error.h"
#include "plan_schema/checksum.h"
#include "plan_schema/file_format.h"

namespace stint::builder {
namespace {

flatbuffers::Offset<fb::TargetVariant> write_variant(Builder& builder, const PlanVariant& variant,
                                                     Segments& segments) {
  WeightsSegment weights;
  for (const PlanProgram& program : variant.programs) add_constants(program, weights);
  ProgramSegments parts;
  parts.weights = &weights;
  parts.code = &segments;
  if (weights.used()) {
    parts.weights_index = segments.add(
        SegmentKind::kWeights, std::make_shared<const std::vector<std::byte>>(weights.bytes()));
  }
  std::vector<flatbuffers::Offset<fb::Program>> programs;
  std::vector<flatbuffers::Offset<fb::Decision>> decisions;
  for (const PlanProgram& program : variant.programs) {
    programs.push_back(write_program(builder, program, parts));
    write_decisions(builder, *program.schedule, decisions);
  }
  const Target& target = variant.target;
  const auto name = builder.CreateString(target.name);
  const auto options = variant.codegen.empty() ? 0 : builder.CreateString(variant.codegen);
  const auto programs_offset = builder.CreateVector(programs);
  const auto decisions_offset = builder.CreateVector(decisions);
  return fb::CreateTargetVariant(
      builder, name, target.is_gpu ? fb::TargetKind::Cuda : fb::TargetKind::Cpu, target.gpu.sm,
      target.gpu.min_driver, options, programs_offset, decisions_offset);
}

void write_root(Builder& builder, const PlanContents& contents, Segments& segments) {
  std::vector<flatbuffers::Offset<fb::TargetVariant>> variants;
  for (const PlanVariant& variant : contents.variants)
    variants.push_back(write_variant(builder, variant, segments));
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
  for (const PlanVariant& variant : contents.variants)
    if (variant.programs.empty()) throw BuildError("a plan needs at least one program");
  if (contents.variants.empty()) throw BuildError("a plan needs at least one target");
  Builder builder;
  Segments segments;
  write_root(builder, contents, segments);

  FileHeader header = {};
  std::memcpy(header.magic, kPlanMagic, sizeof kPlanMagic);
  header.header_bytes = sizeof header;
  header.major = kPlanMajor;
  header.minor = kPlanMinor;
  header.segment_count = static_cast<uint32_t>(segments.all().size());
  std::vector<SegmentEntry> entries(segments.all().size());

  File file;
  file.append(&header, sizeof header, 1);
  header.segment_table_offset =
      file.append(entries.data(), entries.size() * sizeof(SegmentEntry), alignof(SegmentEntry));
  header.flatbuffer_bytes = builder.GetSize();
  header.flatbuffer_offset =
      file.append(builder.GetBufferPointer(), builder.GetSize(), kFlatbufferAlignment);
  header.flatbuffer_checksum = checksum64(builder.GetBufferPointer(), builder.GetSize());
  for (size_t i = 0; i < entries.size(); ++i) {
    const std::vector<std::byte>& bytes = *segments.all()[i].bytes;
    SegmentEntry& entry = entries[i];
    entry.kind = segments.all()[i].kind;
    entry.alignment = static_cast<uint32_t>(
        bytes.size() >= kLargeSegmentBytes ? kLargeSegmentAlignment : kSegmentAlignment);
    entry.bytes = bytes.size();
    entry.checksum = checksum64(bytes.data(), bytes.size());
    entry.offset = file.append(bytes.data(), bytes.size(), entry.alignment);
  }
  if (!entries.empty())
    file.overwrite(header.segment_table_offset, entries.data(),
                   entries.size() * sizeof(SegmentEntry));
  header.total_bytes = file.size();
  file.overwrite(0, &header, sizeof header);
  return file.take();
}

}  // namespace stint::builder
