// Plans for tests: a description that a test may bend in one place, and the file it gives. Writes
// what it is told, right or wrong; the builder's own writer is host_builder/emit.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "plan_schema/file_format.h"
#include "plan_schema/plan_generated.h"
#include "plan_schema/types.h"

namespace stint::test {

/// Bytes at a 64-byte aligned address; nothing behind the last one is ours, so that sanitizers see
/// every overrun.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size) : size_(size) {
    void* data = nullptr;
    if (posix_memalign(&data, 64, size == 0 ? 1 : size) != 0) std::abort();
    data_.reset(static_cast<std::byte*>(data));
    std::memset(data, 0, size);
  }
  AlignedBytes(const void* data, size_t size) : AlignedBytes(size) {
    if (size != 0) std::memcpy(data_.get(), data, size);
  }

  std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }
  template <typename T>
  T* at(size_t offset) const {
    return reinterpret_cast<T*>(data_.get() + offset);
  }
  FileHeader* header() const { return at<FileHeader>(0); }
  AlignedBytes copy() const { return {data(), size()}; }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t size_ = 0;
};

struct ArenaSpec {
  uint64_t bytes = 0;
  uint32_t alignment = 64;
  fb::MemorySpace space = fb::MemorySpace::Host;
};

struct TensorSpec {
  uint8_t dtype = 0;
  std::vector<int64_t> shape;
  fb::StorageKind storage = fb::StorageKind::Arena;
  uint32_t index = 0;
  uint64_t offset = 0;
  std::vector<int64_t> strides;  // empty: dense
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

AlignedBytes write_plan(const PlanSpec& spec);

/// Recomputes the checksums of a file whose frame is intact, as a careful attacker would.
void fix_checksums(std::byte* file, size_t size);

}  // namespace stint::test
