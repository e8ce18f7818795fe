#include "host_builder/targets/target.h"

#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

constexpr uint32_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * 1024;
constexpr const char* kCrossBuilt = "cross-built and statically checked; never run on the device";
constexpr const char* kRunElsewhere =
    "cross-built; its kernels were run on an H200 (--as orin), never on the device";

GpuTraits ampere(uint32_t sm, uint32_t multiprocessors) {
  GpuTraits t;
  t.sm = sm;
  t.min_driver = 13000;
  t.multiprocessors = multiprocessors;
  t.smem_per_block = (sm == 80 ? 163 : 99) * kKiB;
  t.smem_per_multiprocessor = (sm == 80 ? 164 : 100) * kKiB;
  t.threads_per_multiprocessor = sm == 80 ? 2048 : 1536;
  t.l2_bytes = 6 * kMiB;
  t.memory_gb_per_s = 450;
  t.f16_tflops = 70;
  t.f32_tflops = 17;
  t.clock_ghz = 1.7;
  t.edge_us = 1.3;
  return t;
}

GpuTraits orin(NvrtcFamily nvrtc, uint32_t min_driver) {
  GpuTraits t;
  t.sm = 87;
  t.nvrtc = nvrtc;
  t.min_driver = min_driver;
  t.multiprocessors = 16;
  t.smem_per_block = 163 * kKiB;
  t.smem_per_multiprocessor = 164 * kKiB;
  t.threads_per_multiprocessor = 1536;
  t.l2_bytes = 4 * kMiB;
  t.memory_gb_per_s = 204.8;
  t.f16_tflops = 42.5;
  t.f32_tflops = 5.3;
  t.clock_ghz = 1.3;
  t.edge_us = 1.8;
  return t;
}

GpuTraits hopper() {
  GpuTraits t;
  t.sm = 90;
  t.min_driver = 13000;
  t.has_pdl = true;
  t.multiprocessors = 132;
  t.smem_per_block = 227 * kKiB;
  t.smem_per_multiprocessor = 228 * kKiB;
  t.threads_per_multiprocessor = 2048;
  t.l2_bytes = 50 * kMiB;
  t.memory_gb_per_s = 4800;
  t.f16_tflops = 600;  // what mma.sync reaches of 989
  t.f32_tflops = 67;
  t.clock_ghz = 1.98;
  t.edge_us = 0.7;
  return t;
}

GpuTraits with(GpuTraits base, uint32_t sm, uint32_t multiprocessors, double gb_per_s,
               double f16_tflops) {
  base.sm = sm;
  base.multiprocessors = multiprocessors;
  base.memory_gb_per_s = gb_per_s;
  base.f16_tflops = f16_tflops;
  return base;
}

GpuTraits turing() {
  GpuTraits t = with(ampere(75, 40), 75, 40, 320, 65);
  t.smem_per_block = t.smem_per_multiprocessor = 64 * kKiB;
  t.threads_per_multiprocessor = 1024;
  t.l2_bytes = 4 * kMiB;
  return t;
}

GpuTraits xavier() {
  GpuTraits t = with(ampere(72, 8), 72, 8, 137, 11);
  t.nvrtc = NvrtcFamily::kCuda11;  // JetPack 5's driver knows no later family
  t.min_driver = 11040;
  t.smem_per_block = t.smem_per_multiprocessor = 96 * kKiB;
  t.threads_per_multiprocessor = 2048;
  t.l2_bytes = kMiB / 2;
  t.f32_tflops = 1.4;
  t.clock_ghz = 1.37;
  t.edge_us = 2.5;
  return t;
}

GpuTraits thor() {
  GpuTraits t = with(hopper(), 110, 20, 273, 250);
  t.threads_per_multiprocessor = 1536;
  t.l2_bytes = 32 * kMiB;
  t.f32_tflops = 8;
  t.clock_ghz = 1.57;
  return t;
}

/// Hopper's features, but no more shared memory and threads than Ada has.
GpuTraits geforce_blackwell() {
  GpuTraits t = with(hopper(), 120, 84, 960, 200);
  t.smem_per_block = 99 * kKiB;
  t.smem_per_multiprocessor = 100 * kKiB;
  t.threads_per_multiprocessor = 1536;
  return t;
}

/// DGX Spark: the multiprocessors of an RTX 50 on the memory of a notebook (LPDDR5X, 273 GB/s).
GpuTraits dgx_spark() { return with(geforce_blackwell(), 121, 48, 273, 60); }

Target gpu(const char* name, const char* description, const char* state, const GpuTraits& traits) {
  Target target = {name, description, state, true, traits};
  target.gpu.source_sm = traits.sm;
  return target;
}

}  // namespace

const std::vector<Target>& all_targets() {
  static const std::vector<Target> targets = {
      {"cpu",
       "x86-64 (SSE4, AVX2, AVX-512), aarch64 (NEON)",
       "x86-64 built, tested and timed in CI; aarch64 run under emulation",
       false,
       {}},
      gpu("orin", "Jetson Orin, JetPack 6 (CUDA 12.6)", kRunElsewhere,
          orin(NvrtcFamily::kCuda12, 12060)),
      gpu("orin-jp5", "Jetson Orin, JetPack 5 (CUDA 11.4 or 11.8)", kCrossBuilt,
          orin(NvrtcFamily::kCuda11, 11040)),
      gpu("orin-jp7", "Jetson Orin, JetPack 7 (CUDA 13.0)", kCrossBuilt,
          orin(NvrtcFamily::kCuda13, 13000)),
      gpu("thor", "Jetson Thor, JetPack 7 (CUDA 13.0)", kCrossBuilt, thor()),
      gpu("xavier", "Jetson Xavier, JetPack 5 (CUDA 11.4 or 11.8)", kCrossBuilt, xavier()),
      gpu("sm_75", "Turing (T4)", kCrossBuilt, turing()),
      gpu("sm_80", "A100", kCrossBuilt, with(ampere(80, 108), 80, 108, 1555, 312)),
      gpu("sm_86", "Ampere desktop (A10, RTX 30)", kCrossBuilt, ampere(86, 72)),
      gpu("sm_89", "Ada (L4, RTX 40)", kCrossBuilt, with(ampere(89, 58), 89, 58, 300, 121)),
      gpu("sm_90", "H100, H200", "run, tested and timed on an H200", hopper()),
      gpu("sm_100", "B200", kCrossBuilt, with(hopper(), 100, 148, 8000, 900)),
      gpu("sm_120", "RTX 50", kCrossBuilt, geforce_blackwell()),
      gpu("sm_121", "DGX Spark (GB10)", kCrossBuilt, dgx_spark()),
  };
  return targets;
}

const Target& find_target(const std::string& name) {
  std::string known;
  for (const Target& target : all_targets()) {
    if (target.name == name) return target;
    known += (known.empty() ? "" : ", ") + target.name;
  }
  throw UsageError("there is no target '" + name + "'; this builder knows: " + known);
}

Target dressed_as(const Target& device, const Target& like) {
  if (!device.is_gpu || !like.is_gpu)
    throw UsageError("--as: both '" + device.name + "' and '" + like.name + "' must be GPUs");
  Target target = device;
  target.name = device.name + " as " + like.name;
  target.gpu = like.gpu;
  target.gpu.sm = device.gpu.sm;
  target.gpu.nvrtc = device.gpu.nvrtc;
  target.gpu.min_driver = device.gpu.min_driver;
  return target;
}

}  // namespace stint::builder
