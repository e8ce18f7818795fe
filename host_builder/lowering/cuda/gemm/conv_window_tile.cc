#include "host_builder/lowering/cuda/gemm/conv_window_tile.h"

#include <algorithm>
#include <cstdio>

#include "host_builder/lowering/cuda/gemm/warpgroup_tile.h"

namespace stint::builder {
namespace {

constexpr int64_t kStages[] = {0, 3, 4, 5, 6, 8};
constexpr int64_t kWindows[] = {1, 2};
constexpr int64_t kClusters[] = {1, 2, 4, 8};
constexpr int64_t kBarrierBytes = 256, kSlotBarrierBytes = 16;

/// PaddedPixels in kernels/cuda/conv_window.cuh.
struct PaddedPixels {
  int64_t all = 0;
  int64_t reach = 0;  // from the first to the last tap
};
PaddedPixels padded_pixels(const ConvProblem& p) {
  const int64_t reach_h = (p.kernel_h - 1) * p.dilation_h,
                reach_w = (p.kernel_w - 1) * p.dilation_w;
  const int64_t pitch_h = std::max({p.out_h, p.in_h + p.pad_h, p.out_h + reach_h - p.pad_h});
  const int64_t pitch_w = std::max({p.out_w, p.in_w + p.pad_w, p.out_w + reach_w - p.pad_w});
  return {p.batch * pitch_h * pitch_w, reach_h * pitch_w + reach_w};
}

GemmWork work_of(const ConvProblem& p, const ConvWindowTile& t) {
  GemmWork w = warpgroup_work(p, t, t.steps(p), t.shared_bytes(p));
  w.activation_bytes = (t.bm + padded_pixels(p).reach) * p.in_channels / t.cluster * 2;
  return w;
}

}  // namespace

int64_t ConvWindowTile::tiles(const ConvProblem& p) const {
  return ceil_div(padded_pixels(p).all, bm) * ceil_div(p.out_channels, bn);
}

int64_t ConvWindowTile::blocks(const ConvProblem& p, const GpuTraits& gpu) const {
  if (stages > 0) return tiles(p) * cluster;
  const int64_t columns = ceil_div(p.out_channels, bn);
  const int64_t at_once = gpu.multiprocessors * resident_blocks(work_of(p, *this), gpu);
  return std::min(tiles(p), std::max<int64_t>(1, at_once / columns) * columns);
}

int64_t ConvWindowTile::steps(const ConvProblem& p) const {
  return ceil_div(p.depth() / cluster, kDepth);
}

int64_t ConvWindowTile::window_bytes(const ConvProblem& p) const {
  const int64_t plane = ((bm + padded_pixels(p).reach) | 1) * 16;
  return ceil_div(plane * (p.in_channels / cluster / 8), 128) * 128;
}

int64_t ConvWindowTile::shared_bytes(const ConvProblem& p) const {
  // Residuals that are read early and are too many for registers: TileEpilogue::kShared.
  const bool has_residuals = stages == 0 && bn > 64 && p.residual.present() &&
                             p.residual.dtype == DType::kF16 && p.residual.packet == 8 &&
                             p.y.packet >= 8;
  return (stages == 0 ? steps(p) : stages) * bn * kDepth * 2 + windows * window_bytes(p) +
         ceil_div(bn * 4, 128) * 128 + kBarrierBytes + (has_residuals ? bm * bn * 2 : 0) +
         sum_bytes(bm * bn, 1, cluster, 1);
}

bool ConvWindowTile::is_legal(const ConvProblem& p, const GpuTraits& gpu) const {
  // 16-byte copies of f16; 16 k lie in one tap, which lies at the same distance for all pixels.
  if (!gpu.has_wgmma() || p.x.dtype != DType::kF16 || p.x.packet != 8 || p.groups != 1 ||
      p.in_channels % 16 != 0 || p.stride_h != 1 || p.stride_w != 1)
    return false;
  if (cluster > 1 && p.in_channels % (kDepth * cluster) != 0) return false;
  if (stages == 0 ? cluster > 1 : windows > 1 || stages > steps(p)) return false;
  const int64_t slots =
      stages == 0 ? 1 + windows
                  : stages + (p.in_channels % kDepth == 0 ? p.in_channels / kDepth / cluster : 1);
  if (slots * kSlotBarrierBytes > kBarrierBytes) return false;
  // With one tap nothing is read twice: conv_wgmma's ring serves as well.
  if (stages > 0 && p.taps() == 1) return false;
  if (shared_bytes(p) > gpu.smem_per_block) return false;
  if (resident_blocks(work_of(p, *this), gpu) < 1 || !cluster_fits(work_of(p, *this), gpu))
    return false;
  // A tile much larger than the product is one of the smaller ones with idle warps.
  if (bm > kWarpgroupRows[0] && bm >= 2 * padded_pixels(p).all) return false;
  if (bn > kWarpgroupColumns[0] && bn >= 2 * p.out_channels) return false;
  return (padded_pixels(p).all + bm + padded_pixels(p).reach) * 2 <= 2147483647 &&
         tiles(p) * cluster <= 2147483647;
}

double ConvWindowTile::predicted_us(const ConvProblem& p, const GpuTraits& gpu) const {
  GemmWork w = work_of(p, *this);
  if (stages == 0) {
    // Weights come once for all tiles of a block, whose steps have no barriers.
    w.weight_bytes /= ceil_div(tiles(p), blocks(p, gpu));
    w.step_depth = w.depth;
    w.stages = 1;
  }
  // What 300 timings on an H200 of layers with nine taps differ by from the model of all products:
  // wide products need less of shared memory, the blocks of a cluster wait for each other, and with
  // one window nobody copies while it is multiplied.
  const double width = bn <= 32    ? 1.45
                       : bn <= 64  ? 1.15
                       : bn <= 128 ? 1.05
                       : bn <= 192 ? 0.9
                                   : 0.75;
  const double meeting = 1 + 0.1 * static_cast<double>(cluster - 1);
  const double waiting = windows > 1 ? 0.85 : 1.0;
  return gemm_us(p, w, gpu) * width * meeting * waiting;
}

std::string ConvWindowTile::id() const {
  const auto n = [](int64_t v) { return std::to_string(v); };
  std::string text = "conv_window " + n(bm) + "x" + n(bn);
  text += stages == 0 ? " r" + n(windows) : " s" + n(stages);
  if (cluster > 1) text += " c" + n(cluster);
  return text;
}

std::optional<ConvWindowTile> ConvWindowTile::parse(const std::string& id) {
  ConvWindowTile t;
  long long v[4];
  char kind = 0;
  const int found = std::sscanf(id.c_str(), "conv_window %lldx%lld %c%lld c%lld", &v[0], &v[1],
                                &kind, &v[2], &v[3]);
  if (found < 4) return std::nullopt;
  t.bm = v[0];
  t.bn = v[1];
  (kind == 'r' ? t.windows : t.stages) = v[2];
  if (found == 5) t.cluster = v[3];
  // Only what id() writes, and only shapes that the kernel was made for.
  if (!is_one_of(t.bm, kWarpgroupRows) || !is_one_of(t.bn, kWarpgroupColumns) ||
      !is_one_of(t.stages, kStages) || !is_one_of(t.windows, kWindows) ||
      !is_one_of(t.cluster, kClusters) || t.id() != id)
    return std::nullopt;
  return t;
}

std::vector<Ranked<ConvWindowTile>> ConvWindowTile::ranked(const ConvProblem& p,
                                                           const GpuTraits& gpu, size_t limit) {
  std::vector<Ranked<ConvWindowTile>> tiles;
  for (const int64_t bm : kWarpgroupRows)
    for (const int64_t bn : kWarpgroupColumns)
      for (const int64_t stages : kStages)
        for (const int64_t windows : kWindows)
          for (const int64_t cluster : kClusters) {
            const ConvWindowTile t = {bm, bn, stages, windows, cluster};
            if (t.is_legal(p, gpu)) tiles.push_back({t, t.predicted_us(p, gpu)});
          }
  keep_cheapest(tiles, limit);
  return tiles;
}

}  // namespace stint::builder
