// Plans for tests: a description that a test may bend in one place, and the file it gives. Writes
// what it is told, right or wrong; the builder's own writer is host_builder/emit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan_schema/file_format.h"
#include "plan_schema/plan_generated.h"
#include "plan_schema/types.h"
#include "tests/support/aligned_bytes.h"

namespace stint::test {

struct ArenaSpec {
  uint64_t bytes = 0;
  uint32_t alignment = 64;
  fb::MemorySpace space = fb::MemorySpace::Host;
  bool zeroed = false;
};

struct TensorSpec {
  uint8_t dtype = 0;
  std::vector<int64_t> shape;
  fb::StorageKind storage = fb::StorageKind::Arena;
  uint32_t index = 0;
  uint64_t offset = 0;
  std::vector<int64_t> strides;  // empty: dense
  std::string name = {};
  std::vector<float> scale = {};
  std::vector<int32_t> zero_point = {};
  int32_t axis = -1;
};

struct ImageInputSpec {
  bool present = false;
  uint32_t width = 8, height = 8;
  uint8_t channels = 3, fit = 0;
  float pad_value = 0;
  std::vector<float> mean = {0, 0, 0}, scale = {1, 1, 1};
};

struct BindingSpec {
  std::string name;
  bool is_input = false;
  fb::BindingKind kind = fb::BindingKind::Tensor;
  uint32_t tensor = 0;
  uint64_t io_bytes = 0, io_offset = 0;
  uint32_t count_tensor = 0;
  ImageInputSpec image;
};

struct LaunchSpec {
  bool present = false;
  uint32_t module_segment = 0;
  std::string symbol = "kernel";
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  std::vector<fb::Relocation> relocations;
  uint32_t dynamic_smem = 0, frames_param = kNone, limits_param = kNone;
};

struct TestStep {
  uint16_t kernel = 0;
  std::vector<uint8_t> params;
  std::vector<uint32_t> inputs, outputs;
  uint32_t workspace = kNone;
  int32_t image_binding = -1;
  LaunchSpec launch;
  std::string name;
};

struct ProgramSpec {
  uint32_t batch = 1;
  std::vector<ArenaSpec> arenas;
  std::vector<TensorSpec> tensors;
  std::vector<BindingSpec> bindings;
  std::vector<TestStep> steps;
  std::vector<fb::Edge> edges;
  uint64_t worker_scratch = 0, io_bytes = 0;
};

struct VariantSpec {
  std::string name = "cpu";
  fb::TargetKind kind = fb::TargetKind::Cpu;
  std::vector<ProgramSpec> programs;
  uint32_t sm = 0, min_driver = 0;
};

struct SegmentSpec {
  std::vector<uint8_t> bytes;
  SegmentKind kind = SegmentKind::kWeights;
};

struct PlanSpec {
  std::string name = "tiny";
  std::vector<VariantSpec> variants;
  std::vector<std::string> labels;
  std::vector<SegmentSpec> segments;
};

/// The smallest machine code that a plan may hold: an ELF header for CUDA, then `text`, which a
/// fake driver may read.
SegmentSpec cubin_segment(const std::string& text = "");

inline FileHeader* header_of(const AlignedBytes& file) { return file.at<FileHeader>(0); }

AlignedBytes write_plan(const PlanSpec& spec);

/// Recomputes the checksums of a file whose frame is intact, as a careful attacker would.
void fix_checksums(std::byte* file, size_t size);

}  // namespace stint::test
