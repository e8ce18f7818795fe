// What a node of the physical graph becomes: a step of a plan, its kernel chosen, its weights
// packed, its parameters baked in. Families make them (family.h).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host_builder/graph/graph.h"
#include "plan_schema/kernel_id.h"
#include "plan_schema/types.h"

namespace stint::builder {

/// The code of a GPU step: one kernel launch. The kernel takes one parameter by value, a struct of
/// pointers: inputs, outputs, then the workspace and the state if the step has them, then the
/// frames (const ImageView*) and the limits (const DetectionLimits*) if it takes them.
struct GpuLaunch {
  std::string
      source;  // translation unit; #include finds kernels/cuda/. Equal sources are compiled once
  std::string symbol;  // of the extern "C" kernel
  std::array<uint32_t, 3> grid = {1, 1, 1};
  std::array<uint32_t, 3> block = {1, 1, 1};
  uint32_t dynamic_smem = 0;  // bytes
  bool takes_frames = false;  // of the step's image binding
  bool takes_limits = false;
};

/// A step before memory is planned. Operands are graph values; lowering may add constants (packed
/// weights) to the graph.
struct StepSpec {
  std::string name;
  std::optional<KernelId> kernel;  // CPU steps
  std::vector<std::byte> params;   // of CPU steps: bytes of the kernel's POD
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  uint64_t workspace_bytes = 0;       // shared by the workers, lives for this step
  uint64_t worker_scratch_bytes = 0;  // per worker
  uint64_t state_bytes = 0;           // GPU: zero before the first run; the kernel leaves it zero
  std::optional<GpuLaunch> launch;    // GPU steps
  int image_binding = -1;             // index among the program's image inputs
  std::vector<std::pair<uint32_t, uint32_t>>
      in_place;             // (input, output) that may share storage when both are dense
  std::string tactic;       // what was chosen, e.g. "conv 6x16 packed"
  double predicted_us = 0;  // of the family that was chosen; lower_candidate fills it in
  double measured_us = 0;   // on the target, if the tactic was chosen by timing
  bool pinned = false;      // the tactic was chosen by the user, in a tactic file
  double flops = 0;
  double bytes = 0;
};

/// Appends a POD's bytes.
template <typename P>
std::vector<std::byte> to_bytes(const P& pod) {
  auto* p = reinterpret_cast<const std::byte*>(&pod);
  return {p, p + sizeof(P)};
}

}  // namespace stint::builder
