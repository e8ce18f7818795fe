#include "host_builder/lowering/cuda/gemm/conv_wgmma_tile.h"

#include <algorithm>
#include <cstdio>

#include "host_builder/lowering/cuda/gemm/warpgroup_tile.h"

namespace stint::builder {
namespace {

constexpr int64_t kStages[] = {1, 2, 3, 4, 5, 6, 8};
constexpr int64_t kClusters[] = {1, 2, 4};

GemmWork work_of(const ConvProblem& p, const ConvWgmmaTile& t) {
  GemmWork w = warpgroup_work(p, t, t.steps_per_block(p), t.shared_bytes(p));
  w.activation_bytes = t.bm * w.depth * 2;
  return w;
}

}  // namespace

int64_t ConvWgmmaTile::tiles(const ConvProblem& p) const {
  return ceil_div(p.pixels(), bm) * ceil_div(p.out_channels, bn) * p.groups;
}

int64_t ConvWgmmaTile::steps(const ConvProblem& p) const {
  return ceil_div(p.depth() * p.factor_bytes(), kRowBytes);
}

int64_t ConvWgmmaTile::steps_per_block(const ConvProblem& p) const {
  return ceil_div(steps(p), cluster);
}

uint32_t ConvWgmmaTile::shared_bytes(const ConvProblem& p) const {
  return static_cast<uint32_t>(staged_bytes(p, bm, bn, kRowBytes / p.factor_bytes(), stages) +
                               sum_bytes(bm * bn, 1, cluster, 1));
}

bool ConvWgmmaTile::is_legal(const ConvProblem& p, const GpuTraits& gpu) const {
  // 16-byte copies: what lies in memory is multiplied as it is.
  if (!gpu.has_wgmma() || p.taps() >= 64 || p.x.packet * p.factor_bytes() != 16 ||
      (!p.integers && p.x.dtype != DType::kF16))
    return false;
  if (shared_bytes(p) > gpu.smem_per_block) return false;
  if (resident_blocks(work_of(p, *this), gpu) < 1 || !cluster_fits(work_of(p, *this), gpu))
    return false;
  // Fewer than three stages only where they hold everything; not more than that.
  const int64_t own = steps_per_block(p);
  if (stages > own || (stages < 3 && stages != own)) return false;
  if ((cluster - 1) * own >= steps(p)) return false;
  // A tile much larger than the product is one of the smaller ones with idle warps.
  if (bm > kWarpgroupRows[0] && bm >= 2 * p.pixels()) return false;
  if (bn > kWarpgroupColumns[0] && bn >= 2 * p.out_channels) return false;
  return tiles(p) * cluster <= 2147483647;
}

double ConvWgmmaTile::predicted_us(const ConvProblem& p, const GpuTraits& gpu) const {
  return gemm_us(p, work_of(p, *this), gpu);
}

std::string ConvWgmmaTile::id() const {
  const auto n = [](int64_t v) { return std::to_string(v); };
  std::string text = "conv_wgmma " + n(bm) + "x" + n(bn) + " s" + n(stages);
  if (cluster > 1) text += " c" + n(cluster);
  return text;
}

std::optional<ConvWgmmaTile> ConvWgmmaTile::parse(const std::string& id) {
  ConvWgmmaTile t;
  long long v[4];
  const int found =
      std::sscanf(id.c_str(), "conv_wgmma %lldx%lld s%lld c%lld", &v[0], &v[1], &v[2], &v[3]);
  if (found < 3) return std::nullopt;
  t.bm = v[0];
  t.bn = v[1];
  t.stages = v[2];
  if (found == 4) t.cluster = v[3];
  // Only what id() writes, and only shapes that the kernel was made for.
  if (!is_one_of(t.bm, kWarpgroupRows) || !is_one_of(t.bn, kWarpgroupColumns) ||
      !is_one_of(t.stages, kStages) || !is_one_of(t.cluster, kClusters) || t.id() != id)
    return std::nullopt;
  return t;
}

std::vector<Ranked<ConvWgmmaTile>> ConvWgmmaTile::ranked(const ConvProblem& p, const GpuTraits& gpu,
                                                         size_t limit) {
  std::vector<Ranked<ConvWgmmaTile>> tiles;
  for (const int64_t bm : kWarpgroupRows)
    for (const int64_t bn : kWarpgroupColumns)
      for (const int64_t stages : kStages)
        for (const int64_t cluster : kClusters) {
          const ConvWgmmaTile t = {bm, bn, stages, cluster};
          if (t.is_legal(p, gpu)) tiles.push_back({t, t.predicted_us(p, gpu)});
        }
  keep_cheapest(tiles, limit);
  return tiles;
}

}  // namespace stint::builder
