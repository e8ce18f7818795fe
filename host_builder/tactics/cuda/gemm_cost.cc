#include "host_builder/tactics/cuda/gemm_cost.h"

#include <algorithm>
#include <cmath>

namespace stint::builder {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
double real(int64_t v) { return static_cast<double>(v); }

int64_t registers_per_thread(const GemmWork& w) {
  return std::min<int64_t>(255, 40 + w.warp_rows * w.warp_columns / 32 * 3 / 2);
}

}  // namespace

int64_t sum_bytes(int64_t elements, int64_t slices, int64_t cluster, int64_t split) {
  int64_t bytes = split > 1 ? 128 : 0;
  if (cluster > 1) bytes += elements * 4;
  if (slices > 1) bytes += slices * elements * 4;
  return bytes;
}

int64_t resident_blocks(const GemmWork& w, const GpuTraits& gpu) {
  const int64_t by_memory = gpu.smem_per_multiprocessor / (w.shared_bytes + 1024);
  const int64_t by_registers = 65536 / (registers_per_thread(w) * w.threads);
  const int64_t by_threads = (gpu.sm >= 90 || gpu.sm == 80 ? 2048 : 1024) / w.threads;
  return std::min({by_memory, by_registers, by_threads});
}

// The constants are cycles, fitted to 2,494 timings on an H200 (ResNet-50's layers at batch 1 and
// 32, in chains of programmatic edges): the tactic it likes best is 6 % slower than the best one.
double gemm_us(const ConvProblem& p, const GemmWork& w, const GpuTraits& gpu) {
  const double clock = gpu.clock_ghz * 1e3;  // cycles per us
  const int64_t per_sm = ceil_div(w.blocks, gpu.multiprocessors);
  const int64_t resident = std::clamp<int64_t>(resident_blocks(w, gpu), 1, per_sm);
  const double waves = real(ceil_div(per_sm, resident));
  const double share = real(per_sm);
  const double beside = real(resident);

  // The same rate as on the H200 that was fitted, where it reaches 935 products a cycle.
  const double rate =
      gpu.f16_tflops * 1e6 / 2 / real(gpu.multiprocessors) / clock * (935.0 / 1148.0);
  const double warps = real(w.threads / 32) * beside;
  const double products = share * real(w.bm * w.bn * w.depth) /
                          (rate * std::min(1.0, warps / 8 * 0.23 + 0.77)) *
                          (1 + 322.0 / real(w.warp_rows * w.warp_columns));
  const double fetched = real(w.activation_bytes + w.weight_bytes);
  const double traffic =
      std::max(real(w.blocks) / real(gpu.multiprocessors) * fetched / 52, share * fetched / 80);
  // A warp's products one after the other.
  const double pieces = real(w.warp_rows * w.warp_columns) / 128;
  const double turn = std::max(50.6, 2.2 + 6.8 * pieces);
  double chain = 0;
  if (w.step_depth > 0) {
    const double steps = real(ceil_div(w.depth, w.step_depth));
    chain = steps * real(w.step_depth) / 16 / real(w.slices) * turn;
    if (real(w.stages) < steps) chain += steps * std::max(0.0, 832.0 / real(w.stages) - 295.0);
  } else {
    chain = real(ceil_div(w.depth / 32, w.slices)) * 2 * turn + real(w.activation_bytes) / 24;
  }
  chain = chain * waves + share * real(w.gathered) * 44 / 128;
  const double longest = std::max({products, traffic, chain});
  double cycles = longest + 0.725 * (products + traffic + chain - longest);

  const double stores = share * real(w.bm * w.bn) / real(w.cluster) * 2 / 22.8;
  cycles += 286 + stores + (waves - 1) * 1500 + 10.8 * real(w.threads) / 128 * beside;
  if (p.residual.present()) cycles += 85 + stores;
  if (w.slices > 1)
    cycles += 335 + 16.5 * real(w.slices * w.bm * w.bn) / real(w.threads) / 4 * beside;
  if (w.cluster > 1)
    cycles += 101 + 188 * real(w.cluster) +
              beside * real(w.bm * w.bn * 4 * (w.cluster - 1)) / real(w.cluster) / 11.2;
  if (w.split > 1)  // through global memory, and a counter
    cycles += 1800 + 150 * real(w.split) + share * real(w.bm * w.bn * 4) * 2 / 30;
  const double weights = real(p.out_channels * p.depth() * p.groups * 2);
  if (!gpu.has_pdl) {
    // Nothing starts early: weights come after the step before has ended.
    cycles += 900 + weights / (gpu.memory_gb_per_s * 1e3) * clock;
  } else if (2 * (w.shared_bytes + 1024) > gpu.smem_per_multiprocessor) {
    // No room beside the step before: its end is waited for.
    cycles += 188 + beside * real(w.weight_bytes) / 200;
  }
  // Where operands exceed the second-level cache, memory bounds: reads and writes of one kernel
  // reach less than half of the rate.
  const double bytes =
      real(p.pixels() * p.out_channels * p.groups) *
          (dtype_bytes(p.y.dtype) + (p.residual.present() ? dtype_bytes(p.residual.dtype) : 0)) +
      real(p.batch * p.in_h * p.in_w * p.in_channels * p.groups * dtype_bytes(p.x.dtype)) + weights;
  const double memory =
      bytes < 0.6 * static_cast<double>(gpu.l2_bytes) ? 0 : bytes / (gpu.memory_gb_per_s * 420);
  // 1,170 cycles are edge and the ways to and from the second-level cache.
  return gpu.edge_us - 0.05 + std::max(cycles / clock, memory);
}

}  // namespace stint::builder
