// One node of a graph on both devices: through the CPU target's own lowering and kernels, and
// through a CUDA family's source, executed on the host (cuda_on_host.h). Inputs are random, outputs
// poisoned, memory dense or with gaps, values f32 or partly f16.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "host_builder/lowering/family.h"
#include "kernels/cpu/kernel.h"
#include "tests/support/kernel_harness.h"

namespace stint::test {

class DeviceCase {
 public:
  explicit DeviceCase(uint32_t seed) : random_(seed) { graph.channels_last = true; }

  builder::Graph graph;
  builder::Node node;
  std::vector<ImageView> images;
  cpu::DetectionLimits limits;
  double tolerance = 1e-5;       // of f32 results, relative to their size, at least to 1
  double half_tolerance = 2e-3;  // where f16 is stored
  bool halves = true;            // also with f16 values

  /// Appends an operand of random numbers in [low, high).
  builder::ValueId input(DType dtype, builder::Shape shape, double low = -2, double high = 2);
  builder::ValueId constant(DType dtype, builder::Shape shape, double low = -2, double high = 2);
  void absent() { node.inputs.push_back(builder::kNoValue); }
  builder::ValueId output(DType dtype, builder::Shape shape);
  /// Replaces the random contents of an operand.
  template <typename T>
  void set(builder::ValueId id, const std::vector<T>& values) {
    auto* p = reinterpret_cast<const std::byte*>(values.data());
    contents_[id].assign(p, p + values.size() * sizeof(T));
  }

  /// Runs all variants and compares with doctest's CHECK.
  void check();

  /// Every source that was run, for compiling them for real.
  static std::vector<std::string>& sources();

 private:
  struct Variant {
    std::string name;
    int64_t gap;
    bool half;
  };
  std::vector<std::byte> random_bytes(DType dtype, int64_t count, double low, double high);
  void check(const Variant& variant);

  std::mt19937 random_;
  std::map<builder::ValueId, std::vector<std::byte>> contents_;  // dense, of inputs
};

/// Compiles every source that ran so far as machine code for each kind of SM whose NVRTC is there,
/// and forgets them.
void compile_device_sources();

}  // namespace stint::test
