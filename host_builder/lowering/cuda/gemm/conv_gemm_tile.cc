#include "host_builder/lowering/cuda/gemm/conv_gemm_tile.h"

#include <algorithm>
#include <cstdio>

namespace stint::builder {
namespace {

/// Tile, warps over pixels and channels, slices of k.
struct Shape4 {
  int64_t bm, bn, warps_m, warps_n, slices;
};

// Multiples of 48 pixels divide 28x28, 14x14 and 7x7 images of a batch into tiles that fill 132
// multiprocessors. Warp tiles from 16x16, whose k loop is short, to 64x64, which feeds the tensor
// cores best from shared memory; four warps at least, one per scheduler.
constexpr Shape4 kShapes[] = {
    {16, 8, 1, 1, 4},    {16, 16, 1, 1, 4},   {16, 32, 1, 1, 4},   {16, 64, 1, 2, 2},
    {16, 64, 1, 2, 4},   {16, 128, 1, 4, 1},  {16, 128, 1, 4, 2},  {32, 16, 1, 1, 4},
    {32, 16, 2, 1, 2},   {32, 32, 1, 1, 4},   {32, 32, 2, 1, 2},   {32, 32, 2, 2, 1},
    {32, 64, 1, 2, 2},   {32, 64, 2, 2, 1},   {32, 64, 1, 2, 4},   {32, 128, 1, 4, 1},
    {32, 128, 1, 4, 2},  {48, 32, 1, 1, 4},   {48, 64, 1, 2, 2},   {48, 128, 1, 4, 1},
    {64, 8, 4, 1, 1},    {64, 16, 4, 1, 1},   {64, 16, 2, 1, 2},   {64, 32, 2, 1, 2},
    {64, 32, 4, 1, 1},   {64, 32, 2, 1, 4},   {64, 64, 2, 2, 1},   {64, 64, 2, 2, 2},
    {64, 64, 4, 2, 1},   {64, 128, 2, 2, 1},  {64, 128, 2, 4, 1},  {64, 256, 1, 4, 1},
    {96, 64, 3, 2, 1},   {96, 128, 3, 2, 1},  {96, 128, 3, 4, 1},  {96, 256, 3, 4, 1},
    {128, 16, 4, 1, 1},  {128, 32, 4, 1, 1},  {128, 64, 2, 2, 1},  {128, 64, 4, 2, 1},
    {128, 128, 2, 2, 1}, {128, 128, 2, 4, 1}, {128, 256, 2, 4, 1}, {192, 64, 3, 2, 1},
    {192, 64, 6, 1, 1},  {192, 128, 3, 2, 1}, {192, 128, 6, 2, 1}, {256, 64, 4, 1, 1},
    {256, 64, 4, 2, 1},  {256, 128, 4, 2, 1},
};

constexpr int64_t kRowBytes[] = {64, 128, 256};  // k of a step
constexpr int64_t kMostRowBytes = 256;

bool suits(const ConvProblem& p, const GpuTraits& gpu) {
  // Products are f16: a node whose input and output are both f32 asked for more.
  if (p.x.dtype == DType::kF32 && p.y.dtype == DType::kF32) return false;
  // ldmatrix and m16n8k8; 63 taps are what one mask holds; fewer channels a group waste the tile.
  return gpu.source_sm >= 75 && p.taps() < 64 && (p.groups == 1 || p.in_channels >= 4);
}

/// Pieces that one block fetches beside the copies of 16 bytes.
int64_t gathered(const ConvProblem& p, const ConvGemmTile& t) {
  const int64_t pieces = t.bm * t.steps_per_part(p) * t.bk / p.x.packet;
  if (p.integers) {
    if (p.x.packet == 16) return 0;
    // Smaller copies are asynchronous, too: four as dear as one through registers (an estimate).
    return p.x.packet >= 4 ? pieces / 4 : pieces;
  }
  return p.x.dtype == DType::kF16 && p.x.packet == 8 ? 0 : pieces;
}

GemmWork work_of(const ConvProblem& p, const ConvGemmTile& t) {
  GemmWork w;
  w.blocks = t.tiles(p) * t.parts();
  w.threads = t.threads();
  w.bm = t.bm;
  w.bn = t.bn;
  w.warp_rows = t.bm / t.warps_m;
  w.warp_columns = t.bn / t.warps_n;
  w.depth = t.steps_per_part(p) * t.bk * p.factor_bytes() / 2;
  w.slices = t.slices;
  w.cluster = t.cluster;
  w.split = t.split;
  w.activation_bytes = t.bm * w.depth * 2;
  w.weight_bytes = t.bn * w.depth * 2;
  w.shared_bytes = t.shared_bytes(p);
  w.stages = t.stages;
  w.step_depth = t.bk * p.factor_bytes() / 2;
  w.gathered = gathered(p, t);
  return w;
}

}  // namespace

bool ConvGemmTile::is_legal(const ConvProblem& p, const GpuTraits& gpu) const {
  const ConvGemmTile& t = *this;
  if (!suits(p, gpu)) return false;
  const int64_t row_bytes = t.bk * p.factor_bytes();
  if (row_bytes > kMostRowBytes || row_bytes % (64 * t.slices) != 0 ||
      t.shared_bytes(p) > gpu.smem_per_block)
    return false;
  if (resident_blocks(work_of(p, t), gpu) < 1 || !cluster_fits(work_of(p, t), gpu)) return false;
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

int64_t ConvGemmTile::tiles(const ConvProblem& p) const {
  return ceil_div(p.pixels(), bm) * ceil_div(p.out_channels, bn) * p.groups;
}

int64_t ConvGemmTile::steps_per_part(const ConvProblem& p) const {
  return ceil_div(ceil_div(p.depth(), bk), parts());
}

uint32_t ConvGemmTile::shared_bytes(const ConvProblem& p) const {
  return static_cast<uint32_t>(staged_bytes(p, bm, bn, bk, stages) +
                               sum_bytes(bm * bn, slices, cluster, split));
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
        s.slices == t.slices && (t.bk == 32 || t.bk == 64 || t.bk == 128 || t.bk == 256))
      return t;
  return std::nullopt;
}

double ConvGemmTile::predicted_us(const ConvProblem& p, const GpuTraits& gpu) const {
  return gemm_us(p, work_of(p, *this), gpu);
}

std::vector<Ranked<ConvGemmTile>> ConvGemmTile::ranked(const ConvProblem& p, const GpuTraits& gpu,
                                                       size_t limit) {
  std::vector<Ranked<ConvGemmTile>> tiles;
  const bool clusters = gpu.has_pdl && gpu.source_sm >= 90;
  for (const Shape4& s : kShapes)
    for (const int64_t row_bytes : kRowBytes)
      for (const int64_t parts : {1, 2, 3, 4, 6, 8})
        for (const int64_t stages : {2, 3, 4, 6, 9, 12}) {
          ConvGemmTile t;
          t.bm = s.bm;
          t.bn = s.bn;
          t.bk = row_bytes / p.factor_bytes();
          t.stages = stages;
          t.warps_m = s.warps_m;
          t.warps_n = s.warps_n;
          t.slices = s.slices;
          // Clusters: every block finishes as many runs, which are a power of two.
          if (clusters && (parts & (parts - 1)) != 0) continue;
          (clusters ? t.cluster : t.split) = parts;
          if (t.is_legal(p, gpu)) tiles.push_back({t, t.predicted_us(p, gpu)});
        }
  keep_cheapest(tiles, limit);
  return tiles;
}

}  // namespace stint::builder
