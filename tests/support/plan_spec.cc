#include "tests/support/plan_spec.h"

#include <elf.h>

#include <cstring>

#include "core/plan/checked.h"
#include "plan_schema/checksum.h"

namespace stint::test {
namespace {

using Builder = flatbuffers::FlatBufferBuilder;

uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

std::vector<int64_t> dense_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

flatbuffers::Offset<fb::Tensor> write(Builder& b, const TensorSpec& t) {
  const auto shape = b.CreateVector(t.shape);
  const auto strides = b.CreateVector(t.strides.empty() ? dense_strides(t.shape) : t.strides);
  const auto name = t.name.empty() ? 0 : b.CreateString(t.name);
  const auto scale = t.scale.empty() ? 0 : b.CreateVector(t.scale);
  const auto zero_point = t.zero_point.empty() ? 0 : b.CreateVector(t.zero_point);
  return fb::CreateTensor(b, t.dtype, shape, strides, t.storage, t.index, t.offset, scale, name,
                          zero_point, t.axis);
}

flatbuffers::Offset<fb::Binding> write(Builder& b, const BindingSpec& s) {
  flatbuffers::Offset<fb::ImageSpec> image;
  if (s.image.present) {
    image = fb::CreateImageSpec(b, s.image.width, s.image.height, s.image.channels, s.image.fit,
                                false, s.image.pad_value, b.CreateVector(s.image.mean),
                                b.CreateVector(s.image.scale));
  }
  return fb::CreateBinding(b, b.CreateString(s.name), s.is_input, s.kind, s.tensor, s.count_tensor,
                           image, s.io_bytes, s.io_offset);
}

flatbuffers::Offset<fb::Step> write(Builder& b, const TestStep& s) {
  flatbuffers::Offset<fb::Launch> launch;
  if (s.launch.present) {
    const LaunchSpec& l = s.launch;
    launch =
        fb::CreateLaunch(b, l.module_segment, b.CreateString(l.symbol), l.grid[0], l.grid[1],
                         l.grid[2], l.block[0], l.block[1], l.block[2], l.dynamic_smem,
                         b.CreateVectorOfStructs(l.relocations), l.frames_param, l.limits_param);
  }
  const auto params = b.CreateVector(s.params);
  const auto inputs = b.CreateVector(s.inputs);
  const auto outputs = b.CreateVector(s.outputs);
  const auto name = b.CreateString(s.name);
  return fb::CreateStep(b, s.kernel, params, inputs, outputs, s.workspace, s.image_binding, launch,
                        name);
}

template <typename T>
auto write_all(Builder& b, const std::vector<T>& specs) {
  std::vector<decltype(write(b, specs[0]))> offsets;
  for (const T& spec : specs) offsets.push_back(write(b, spec));
  return b.CreateVector(offsets);
}

flatbuffers::Offset<fb::Arena> write(Builder& b, const ArenaSpec& a) {
  return fb::CreateArena(b, a.space, a.bytes, a.alignment, a.zeroed);
}

flatbuffers::Offset<fb::Program> write(Builder& b, const ProgramSpec& p) {
  std::vector<flatbuffers::Offset<fb::Arena>> arenas;
  for (const ArenaSpec& arena : p.arenas) arenas.push_back(write(b, arena));
  const auto arena_vector = b.CreateVector(arenas);
  const auto tensors = write_all(b, p.tensors);
  const auto bindings = write_all(b, p.bindings);
  const auto steps = write_all(b, p.steps);
  const auto edges = b.CreateVectorOfStructs(p.edges);
  return fb::CreateProgram(b, p.batch, arena_vector, tensors, bindings, steps, edges,
                           p.worker_scratch, p.io_bytes);
}

flatbuffers::Offset<fb::TargetVariant> write(Builder& b, const VariantSpec& v) {
  std::vector<flatbuffers::Offset<fb::Program>> programs;
  for (const ProgramSpec& program : v.programs) programs.push_back(write(b, program));
  const auto program_vector = b.CreateVector(programs);
  return fb::CreateTargetVariant(b, b.CreateString(v.name), v.kind, v.sm, v.min_driver, 0,
                                 program_vector);
}

}  // namespace

AlignedBytes write_plan(const PlanSpec& spec) {
  Builder b;
  std::vector<flatbuffers::Offset<fb::TargetVariant>> variants;
  for (const VariantSpec& variant : spec.variants) variants.push_back(write(b, variant));
  const auto variant_vector = b.CreateVector(variants);
  const auto labels = b.CreateVectorOfStrings(spec.labels);
  fb::FinishPlanBuffer(b,
                       fb::CreatePlan(b, b.CreateString(spec.name), 0, 0, variant_vector, labels));

  FileHeader header = {};
  std::memcpy(header.magic, kPlanMagic, sizeof kPlanMagic);
  header.header_bytes = sizeof header;
  header.major = kPlanMajor;
  header.minor = kPlanMinor;
  header.segment_table_offset = sizeof header;
  header.segment_count = static_cast<uint32_t>(spec.segments.size());
  header.flatbuffer_offset =
      align_up(header.segment_table_offset + spec.segments.size() * sizeof(SegmentEntry),
               kFlatbufferAlignment);
  header.flatbuffer_bytes = b.GetSize();
  uint64_t end = header.flatbuffer_offset + header.flatbuffer_bytes;
  std::vector<SegmentEntry> table;
  for (const SegmentSpec& segment : spec.segments) {
    const uint64_t offset = align_up(end, kSegmentAlignment);
    table.push_back(
        {offset, segment.bytes.size(), segment.kind, static_cast<uint32_t>(kSegmentAlignment), 0});
    end = offset + segment.bytes.size();
  }
  header.total_bytes = end;
  AlignedBytes file(end);
  std::memset(file.data(), 0, file.size());
  std::memcpy(file.data(), &header, sizeof header);
  if (!table.empty()) {
    std::memcpy(file.data() + header.segment_table_offset, table.data(),
                table.size() * sizeof(SegmentEntry));
  }
  std::memcpy(file.data() + header.flatbuffer_offset, b.GetBufferPointer(), b.GetSize());
  for (size_t i = 0; i < table.size(); ++i) {
    if (table[i].bytes != 0)
      std::memcpy(file.data() + table[i].offset, spec.segments[i].bytes.data(), table[i].bytes);
  }
  fix_checksums(file.data(), file.size());
  return file;
}

SegmentSpec cubin_segment(const std::string& text) {
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = 190;  // EM_CUDA
  SegmentSpec segment;
  segment.kind = SegmentKind::kCubin;
  segment.bytes.resize(sizeof header + text.size() + 1);
  std::memcpy(segment.bytes.data(), &header, sizeof header);
  std::memcpy(segment.bytes.data() + sizeof header, text.c_str(), text.size() + 1);
  return segment;
}

void fix_checksums(std::byte* file, size_t size) {
  FileHeader header;
  if (size < sizeof header) return;
  std::memcpy(&header, file, sizeof header);
  if (range_inside(header.flatbuffer_offset, header.flatbuffer_bytes, size)) {
    header.flatbuffer_checksum =
        checksum64(file + header.flatbuffer_offset, header.flatbuffer_bytes);
    std::memcpy(file, &header, sizeof header);
  }
  if (!range_inside(header.segment_table_offset,
                    uint64_t{header.segment_count} * sizeof(SegmentEntry), size))
    return;
  for (uint32_t i = 0; i < header.segment_count; ++i) {
    std::byte* place = file + header.segment_table_offset + i * sizeof(SegmentEntry);
    SegmentEntry entry;
    std::memcpy(&entry, place, sizeof entry);
    if (!range_inside(entry.offset, entry.bytes, size)) continue;
    entry.checksum = checksum64(file + entry.offset, entry.bytes);
    std::memcpy(place, &entry, sizeof entry);
  }
}

}  // namespace stint::test
