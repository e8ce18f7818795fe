#include "host_builder/tactics/cuda/conv_gemm_tile.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace stint::builder {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Tile, warps over pixels and channels, slices of k.
struct Shape4 {
  int64_t bm, bn, warps_m, warps_n, slices;
};

// Warp tiles from 16x16, whose k loop is short, to 64x64, which feeds the tensor cores best from
// shared memory; four warps at least, one per scheduler.
constexpr Shape4 kShapes[] = {
    {16, 8, 1, 1, 4},   {16, 16, 1, 1, 4},   {16, 32, 1, 1, 4},   {16, 64, 1, 2, 2},
    {16, 64, 1, 2, 4},  {16, 128, 1, 4, 1},  {16, 128, 1, 4, 2},  {32, 16, 1, 1, 4},
    {32, 16, 2, 1, 2},  {32, 32, 1, 1, 4},   {32, 32, 2, 1, 2},   {32, 32, 2, 2, 1},
    {32, 64, 1, 2, 2},  {32, 64, 2, 2, 1},   {32, 64, 1, 2, 4},   {32, 128, 1, 4, 1},
    {32, 128, 1, 4, 2}, {64, 8, 4, 1, 1},    {64, 16, 4, 1, 1},   {64, 16, 2, 1, 2},
    {64, 32, 2, 1, 2},  {64, 32, 4, 1, 1},   {64, 32, 2, 1, 4},   {64, 64, 2, 2, 1},
    {64, 64, 2, 2, 2},  {64, 64, 4, 2, 1},   {64, 128, 2, 2, 1},  {64, 128, 2, 4, 1},
    {64, 256, 1, 4, 1}, {128, 16, 4, 1, 1},  {128, 32, 4, 1, 1},  {128, 64, 2, 2, 1},
    {128, 64, 4, 2, 1}, {128, 128, 2, 2, 1}, {128, 128, 2, 4, 1}, {128, 256, 2, 4, 1},
    {256, 64, 4, 1, 1}, {256, 64, 4, 2, 1},  {256, 128, 4, 2, 1},
};

int64_t registers_per_thread(const ConvGemmTile& t) {
  const int64_t accumulators = t.bm * t.bn / (t.warps_m * t.warps_n * 32);
  return std::min<int64_t>(255, 40 + accumulators + accumulators / 2);
}

/// Blocks of the kernel that one multiprocessor holds.
int64_t resident_blocks(const ConvGemmTile& t, const GpuTraits& gpu) {
  const int64_t by_memory = gpu.smem_per_multiprocessor / (t.shared_bytes() + 1024);
  const int64_t by_registers = 65536 / (registers_per_thread(t) * t.threads());
  const int64_t by_threads = (gpu.sm >= 90 || gpu.sm == 80 ? 2048 : 1024) / t.threads();
  return std::min({by_memory, by_registers, by_threads});
}

bool is_legal(const ConvProblem& p, const ConvGemmTile& t, const GpuTraits& gpu) {
  if (t.bk % (32 * t.slices) != 0 || t.shared_bytes() > gpu.smem_per_block) return false;
  if (resident_blocks(t, gpu) < 1) return false;
  const int64_t steps = ceil_div(p.depth(), t.bk);
  // Every part has something to do, and every block finishes as many runs.
  if ((t.parts() - 1) * t.steps_per_part(p) >= steps) return false;
  if (t.stages > 2 && t.stages > t.steps_per_part(p)) return false;
  // A tile much larger than the product is one of the smaller ones with idle warps.
  if (t.bm > 16 && t.bm >= 2 * p.pixels()) return false;
  if (t.bn > 8 && t.bn >= 2 * p.out_channels) return false;
  if (t.tiles(p) * t.parts() > 2147483647) return false;
  return t.split == 1 || t.tiles(p) <= 4096;
}

bool copies_asynchronously(const ConvProblem& p) {
  return p.x.dtype == DType::kF16 && p.x.packet == 8;
}

}  // namespace

int64_t ConvGemmTile::tiles(const ConvProblem& p) const {
  return ceil_div(p.pixels(), bm) * ceil_div(p.out_channels, bn) * p.groups;
}

int64_t ConvGemmTile::steps_per_part(const ConvProblem& p) const {
  return ceil_div(ceil_div(p.depth(), bk), parts());
}

uint32_t ConvGemmTile::shared_bytes() const {
  int64_t bytes = stages * (bm + bn) * bk * 2 + ceil_div(bn * 4, 128) * 128;
  if (split > 1) {
    bytes += 16;  // whether the block is the last one
  } else if (cluster * slices > 1) {
    bytes += slices * bm * bn * 4;
  }
  return static_cast<uint32_t>(bytes);
}

std::string ConvGemmTile::id() const {
  std::string text = "conv_gemm " + std::to_string(bm) + "x" + std::to_string(bn) + "x" +
                     std::to_string(bk) + " s" + std::to_string(stages) + " w" +
                     std::to_string(warps_m) + "x" + std::to_string(warps_n) + "x" +
                     std::to_string(slices);
  if (cluster > 1) text += " c" + std::to_string(cluster);
  if (split > 1) text += " k" + std::to_string(split);
  return text;
}

std::optional<ConvGemmTile> ConvGemmTile::parse(const std::string& id) {
  ConvGemmTile t;
  long long v[8];
  if (std::sscanf(id.c_str(), "conv_gemm %lldx%lldx%lld s%lld w%lldx%lldx%lld", &v[0], &v[1], &v[2],
                  &v[3], &v[4], &v[5], &v[6]) != 7)
    return std::nullopt;
  t.bm = v[0];
  t.bn = v[1];
  t.bk = v[2];
  t.stages = v[3];
  t.warps_m = v[4];
  t.warps_n = v[5];
  t.slices = v[6];
  if (const size_t c = id.find(" c"); c != std::string::npos) t.cluster = std::atoll(&id[c + 2]);
  if (const size_t k = id.find(" k"); k != std::string::npos) t.split = std::atoll(&id[k + 2]);
  // Only what id() writes, and only shapes that the kernel was made for.
  if (t.id() != id || t.stages < 1 || t.stages > 64 || t.cluster > 8 || t.split > 64)
    return std::nullopt;
  for (const Shape4& s : kShapes)
    if (s.bm == t.bm && s.bn == t.bn && s.warps_m == t.warps_m && s.warps_n == t.warps_n &&
        s.slices == t.slices && (t.bk == 32 || t.bk == 64 || t.bk == 128))
      return t;
  return std::nullopt;
}

double predicted_us(const ConvProblem& p, const ConvGemmTile& t, const GpuTraits& gpu) {
  const double clock = gpu.clock_ghz * 1e3;  // cycles per us
  const auto real = [](int64_t v) { return static_cast<double>(v); };
  const double sms = real(gpu.multiprocessors);
  const int64_t blocks = t.tiles(p) * t.parts();
  const int64_t per_sm = ceil_div(blocks, gpu.multiprocessors);
  const int64_t resident = std::min(resident_blocks(t, gpu), per_sm);
  const double waves = real(ceil_div(per_sm, resident));
  const double steps = real(t.steps_per_part(p));

  // Cycles of one k-step of all blocks that share a multiprocessor.
  const double mac_per_cycle = gpu.f16_tflops * 1e6 / 2 / sms / clock;
  const double warps = real(t.threads() / 32 * resident);
  const double busy = std::min(1.0, warps / 4);
  const double warp_tile = real(t.bm / t.warps_m * (t.bn / t.warps_n));
  // Small warp tiles wait for shared memory: 32x32 reads twice as much per product as 64x64.
  const double efficiency = busy * warp_tile / (warp_tile + 400);
  const double products = real(resident * t.bm * t.bn * t.bk) / (mac_per_cycle * efficiency);
  const double traffic =
      real(resident * (t.bm + t.bn) * t.bk * 2) / 32;           // 32 bytes a cycle from L2
  const double latency = 60 + real(t.bk / t.slices) / 16 * 40;  // barrier, fragments, products
  double gather = 0;  // cycles to fetch element by element what 16 bytes do not divide
  if (!copies_asynchronously(p)) gather = real(resident * t.bm * t.bk / p.x.packet) * 12 / 128;
  // What deeper pipelines do not hide of the way from L2.
  const double exposed = real(t.stages) >= steps ? 0 : std::max(0.0, 700.0 / real(t.stages) - 100);
  const double step = std::max({products, traffic, latency}) + gather + exposed;

  // Before and after the k loop: the way from L2, sums, residual, stores.
  double around = 900;
  if (t.slices > 1) around += 80 + 30 * real(t.slices);
  if (t.cluster > 1) around += 350 + 40 * real(t.cluster);
  if (t.split > 1) around += 1800 + 150 * real(t.split);
  const double stores = real(resident * t.bm * t.bn) / real(t.parts()) * 2 / 16;
  double cycles = waves * (around + step * steps + stores);

  const double out_bytes = real(p.pixels() * p.out_channels * p.groups * dtype_bytes(p.y.dtype));
  const double in_bytes =
      real(p.batch * p.in_h * p.in_w * p.in_channels * p.groups * dtype_bytes(p.x.dtype));
  const double weight_bytes = real(p.out_channels * p.depth() * p.groups * 2);
  // Without an early start the weights come after the step before has ended.
  if (!gpu.has_pdl) cycles += 600 + weight_bytes / (gpu.memory_gb_per_s * 1e3) * clock;
  const double memory = (out_bytes + in_bytes + weight_bytes) / (gpu.memory_gb_per_s * 1e3);
  return gpu.edge_us + std::max(cycles / clock, memory);
}

std::vector<RankedTile> rank_tiles(const ConvProblem& p, const GpuTraits& gpu, size_t limit) {
  std::vector<RankedTile> ranked;
  const bool clusters = gpu.has_pdl && gpu.source_sm >= 90;
  for (const Shape4& s : kShapes)
    for (const int64_t bk : {32, 64, 128})
      for (const int64_t parts : {1, 2, 3, 4, 6, 8})
        for (const int64_t stages : {2, 3, 4, 6, 9, 12}) {
          ConvGemmTile t;
          t.bm = s.bm;
          t.bn = s.bn;
          t.bk = bk;
          t.stages = stages;
          t.warps_m = s.warps_m;
          t.warps_n = s.warps_n;
          t.slices = s.slices;
          // Clusters: every block finishes as many runs, which are a power of two.
          if (clusters && (parts & (parts - 1)) != 0) continue;
          (clusters ? t.cluster : t.split) = parts;
          if (is_legal(p, t, gpu)) ranked.push_back({t, predicted_us(p, t, gpu)});
        }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const RankedTile& a, const RankedTile& b) { return a.us < b.us; });
  if (ranked.size() > limit) ranked.resize(limit);
  return ranked;
}

}  // namespace stint::builder
