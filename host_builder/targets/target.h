// What can be built for: devices by name, with everything that code generation and tactics need to
// know of a device that is not there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stint::builder {

enum class NvrtcFamily : uint8_t { kCuda11, kCuda12, kCuda13 };

/// A CUDA device class. All sizes in bytes; sizes and rates as the vendor publishes them.
struct GpuTraits {
  // Machine code is made for exactly `sm` (87 is sm_87); sources may use what `source_sm` has
  // (STINT_SM). Under --as these differ, and what is chosen and admitted must ask `source_sm` and
  // the sizes below, never `sm`.
  uint32_t sm = 0, source_sm = 0;
  NvrtcFamily nvrtc = NvrtcFamily::kCuda13;
  uint32_t min_driver = 0;  // CUDA version the device's driver must support, e.g. 12060
  bool has_pdl = false;     // programmatic dependent launch and clusters: sm_90 and later
  uint32_t multiprocessors = 0;
  uint32_t smem_per_block = 0;  // with opt-in
  uint32_t smem_per_multiprocessor = 0;
  uint32_t threads_per_multiprocessor = 0;
  uint64_t l2_bytes = 0;
  double memory_gb_per_s = 0;
  double f16_tflops = 0;  // dense tensor cores, f32 accumulation
  double f32_tflops = 0;
  double clock_ghz = 0;
  double edge_us = 0;  // from a step to the next in one graph

  /// Products by warpgroups (wgmma): an instruction of sm_90 alone, not of later ones.
  bool has_wgmma() const { return sm == 90 && source_sm == 90; }
  /// What machine code is made for, as the compiler names it. wgmma needs sm_90a, which every
  /// device of compute capability 9.0 runs; code for other SMs uses nothing of the kind.
  std::string architecture() const { return "sm_" + std::to_string(sm) + (sm == 90 ? "a" : ""); }
};

struct Target {
  std::string name;         // "cpu", "orin", "sm_90"; also of the plan's variant
  std::string description;  // device, for people
  std::string state;        // what has been run on it, for people
  bool is_gpu = false;
  GpuTraits gpu;
};

const std::vector<Target>& all_targets();

/// Throws UsageError naming the known targets.
const Target& find_target(const std::string& name);

/// The target whose tiling, limits and instruction choice `like` gets, but as machine code that
/// runs on `device`: proves on one GPU what another one will run (--target sm_90 --as orin).
Target dressed_as(const Target& device, const Target& like);

}  // namespace stint::builder
