#include "host_builder/lowering/cuda/gemm/gemm_cost.h"

#include <algorithm>
#include <cmath>

namespace stint::builder {
namespace {

double real(int64_t v) { return static_cast<double>(v); }

int64_t registers_per_thread(const GemmWork& w) {
  // As ptxas counts them, within 10 %: 71 for 64 columns, 120 for 128, 212 for 256.
  if (w.warpgroups) return std::min<int64_t>(255, 32 + w.warp_rows * w.warp_columns / 32 * 7 / 5);
  return std::min<int64_t>(255, 40 + w.warp_rows * w.warp_columns / 32 * 3 / 2);
}

/// Cycles of one block, each bounded by something else.
struct Multiplying {
  double products = 0;  // the tensor cores
  double operands = 0;  // shared memory
  double chain = 0;     // a warp's instructions, one after the other
};

Multiplying by_warps(const GemmWork& w, const GpuTraits& gpu) {
  Multiplying m;
  const double warp_tile = real(w.warp_rows * w.warp_columns);
  // The same part of the tensor cores' rate as on the H200: 842 of 1,148 products a cycle.
  const double rate = gpu.f16_tflops * 1e6 / 2 / real(gpu.multiprocessors) / (gpu.clock_ghz * 1e3) *
                      (842.0 / 1148.0);
  m.products = real(w.bm * w.bn * w.depth) / rate * (1 + 28.0 / warp_tile);
  // Fragments from shared memory: 32 bytes of a row or column for every 16 k.
  m.operands = real(w.depth) / 16 * real(w.bm * w.bn) / warp_tile *
               real(w.warp_rows + w.warp_columns) * 32 / 128 * 1.32;
  // A warp's products one after the other.
  const double turn = std::max(80.0, 2.8 + 14.9 * warp_tile / 128);
  if (w.step_depth > 0) {
    const double steps = real(ceil_div(w.depth, w.step_depth));
    m.chain = steps * (79 + real(w.step_depth) / 16 / real(w.slices) * turn);
  } else {
    m.chain = real(ceil_div(w.depth / 32, w.slices)) * 2 * turn + real(w.activation_bytes) / 20;
  }
  return m;
}

/// Estimates from sm_90's published rates. 206 timings on an H200 (ResNet-50's layers at batch 8
/// and 32, without clusters) are 6 % above them in the mean.
Multiplying by_warpgroups(const GemmWork& w) {
  Multiplying m;
  // Of 2,048 products a cycle; a lone warpgroup leaves gaps that nobody fills.
  const double rate = 2048 * (w.threads > 128 ? 0.75 : 0.6);
  m.products = real(w.bm * w.bn * w.depth) / rate;
  // 128 bytes a cycle: both operands once for every 64 rows, and the copies that bring them.
  const double read = real(w.bm) / 64 * real(64 + w.bn) * 2;
  m.operands = real(w.depth) * (read + real(w.bm + w.bn) * 2) / 128;
  // A step has its barrier and fences, and lasts as long as its products or as the copies that come
  // `ahead` steps later, whose way from the second-level cache takes some 900 cycles.
  const int64_t steps = ceil_div(w.depth, w.step_depth);
  const int64_t ahead = w.stages >= steps ? steps : w.stages - 2;
  m.chain =
      real(steps) * (150 + std::max(real(w.bm * w.bn * w.step_depth) / 2048, 900 / real(ahead)));
  return m;
}

}  // namespace

int64_t sum_bytes(int64_t elements, int64_t slices, int64_t cluster, int64_t split) {
  int64_t bytes = split > 1 ? 128 : 0;
  if (cluster > 1) bytes += elements * 4;
  if (slices > 1) bytes += slices * elements * 4;
  return bytes;
}

int64_t bias_bytes(const ConvProblem& p, int64_t bn) {
  return ceil_div(bn * (p.integers ? 8 : 4), 128) * 128;
}

int64_t staged_bytes(const ConvProblem& p, int64_t bm, int64_t bn, int64_t bk, int64_t stages) {
  return stages * (bm + bn) * bk * p.factor_bytes() + bias_bytes(p, bn);
}

int64_t resident_blocks(const GemmWork& w, const GpuTraits& gpu) {
  const int64_t by_memory = gpu.smem_per_multiprocessor / (w.shared_bytes + 1024);
  const int64_t by_registers = 65536 / (registers_per_thread(w) * w.threads);
  const int64_t by_threads = gpu.threads_per_multiprocessor / w.threads;
  return std::min({by_memory, by_registers, by_threads});
}

bool cluster_fits(const GemmWork& w, const GpuTraits& gpu) {
  if (w.cluster == 1) return true;
  if (!gpu.has_pdl || gpu.source_sm < 90) return false;
  // A cluster lies in one GPC: 16 multiprocessors or more on an H200; of small devices nothing is
  // published, so little is assumed.
  const int64_t together = gpu.multiprocessors >= 64 ? 16 : 4;
  return w.cluster <= 8 && w.cluster <= together * resident_blocks(w, gpu);
}

// The constants are cycles, fitted to 3,375 timings on an H200 (ResNet-50's layers at batch 1 and
// 32, in chains of programmatic edges): the tactic it likes best is 4 % slower than the best one.
double gemm_us(const ConvProblem& p, const GemmWork& w, const GpuTraits& gpu) {
  const double clock = gpu.clock_ghz * 1e3;  // cycles per us
  const int64_t per_sm = ceil_div(w.blocks, gpu.multiprocessors);
  const int64_t resident = std::clamp<int64_t>(resident_blocks(w, gpu), 1, per_sm);
  const double waves = real(ceil_div(per_sm, resident));
  const double share = real(per_sm);
  const double beside = real(resident);

  const double fetched = real(w.activation_bytes + w.weight_bytes);
  const double traffic =
      std::max(real(w.blocks) / real(gpu.multiprocessors) * fetched / 51, share * fetched / 80);
  const Multiplying m = w.warpgroups ? by_warpgroups(w) : by_warps(w, gpu);
  const double products = share * m.products;
  const double operands = share * m.operands;
  const double chain = waves * m.chain + share * real(w.gathered) * 50 / 128;
  const double longest = std::max({products, traffic, operands, chain});
  // Less of what is shorter shows where the tensor cores work beside the warps (an estimate).
  const double shows = w.warpgroups ? 0.15 : 0.227;
  double cycles = longest + shows * (products + traffic + operands + chain - longest);

  const double stored = std::min<double>(2, dtype_bytes(p.y.dtype));
  const double stores = share * real(w.bm * w.bn) / real(w.cluster) * stored / 20.6;
  cycles +=
      737 + stores * real(p.stores()) + (waves - 1) * 576 + 200 * real(w.threads) / 128 * beside;
  if (p.residual.present()) cycles += 31 + stores;
  if (w.slices > 1)
    cycles += 399 + 28 * real(w.slices * w.bm * w.bn) / real(w.threads) / 4 * beside;
  if (w.cluster > 1) {
    // With warpgroups every wave of clusters pays for it, as timings show.
    const double turns = w.warpgroups ? waves : 1;
    cycles += turns * (397 + 260 * real(w.cluster)) + (w.warpgroups ? share : beside) *
                                                          real(w.bm * w.bn * 4 * (w.cluster - 1)) /
                                                          real(w.cluster) / 16.8;
  }
  if (w.split > 1)  // through global memory, and a counter
    cycles += 1800 + 150 * real(w.split) + share * real(w.bm * w.bn * 4) * 2 / 30;
  const double weights = real(p.out_channels * p.depth() * p.groups * p.factor_bytes());
  if (!gpu.has_pdl) {
    // Nothing starts early: weights come after the step before has ended.
    cycles += 900 + weights / (gpu.memory_gb_per_s * 1e3) * clock;
  } else if (2 * (w.shared_bytes + 1024) > gpu.smem_per_multiprocessor) {
    // No room beside the step before: its end is waited for.
    cycles += 438 + beside * real(w.weight_bytes) / 167;
  }
  // Where operands exceed the second-level cache, memory bounds: reads and writes of one kernel
  // reach less than half of the rate.
  const double bytes =
      real(p.pixels() * p.out_channels * p.groups) *
          (real(p.stores()) * dtype_bytes(p.y.dtype) +
           (p.residual.present() ? dtype_bytes(p.residual.dtype) : 0)) +
      real(p.batch * p.in_h * p.in_w * p.in_channels * p.groups * dtype_bytes(p.x.dtype)) + weights;
  const double computing = gpu.edge_us - 0.414 + cycles / clock;
  const double memory = bytes < 0.6 * static_cast<double>(gpu.l2_bytes)
                            ? 0
                            : 0.8 + bytes / (gpu.memory_gb_per_s * 450);
  // What the fit gives for the edge is in the cycles above, too. Of tactics that memory bounds, the
  // one that would be fastest otherwise comes first.
  return std::max(computing, memory + 0.01 * std::min(computing, memory));
}

}  // namespace stint::builder
