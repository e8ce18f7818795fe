#include "host_builder/lowering/cuda/gemm/conv_resident_tile.h"

#include <algorithm>
#include <cstdio>
#include <set>

namespace stint::builder {
namespace {

constexpr int64_t kMostTaps = 49;

bool suits(const ConvProblem& p) {
  return p.taps() <= kMostTaps && (p.groups == 1 || p.in_channels % 8 == 0);
}

/// k of a block: 64 bytes.
int64_t block_of(const ConvProblem& p) { return 64 / p.factor_bytes(); }

int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

bool is_flat(const ConvProblem& p) { return p.taps() == 1; }

/// Rows x columns of output pixels worth a try; `bm` the rows of fragments that hold them.
struct Extent {
  int64_t rows, columns, bm;
};
std::vector<Extent> extents(const ConvProblem& p) {
  std::vector<Extent> result;
  if (is_flat(p)) {
    for (const int64_t bm : {16, 32, 48, 64, 128})
      if (bm == 16 || bm < p.pixels() + 16) result.push_back({1, bm, bm});
    return result;
  }
  std::set<std::pair<int64_t, int64_t>> seen;
  for (const int64_t pieces : {1, 2, 3, 4, 7}) {
    for (const int64_t columns : {ceil_div(p.out_w, pieces), int64_t{8}, int64_t{16}}) {
      if (columns > p.out_w) continue;
      for (const int64_t bm : {16, 32, 48, 64, 112, 128}) {
        const int64_t rows = std::min(p.out_h, bm / columns);
        // Fragments at least three quarters full, unless the image is that small.
        if (rows == 0 || (rows * columns * 4 < bm * 3 && rows < p.out_h)) continue;
        if (rows * columns <= bm - 16 && bm > 16) continue;
        if (seen.insert({rows, columns}).second) result.push_back({rows, columns, bm});
      }
    }
  }
  return result;
}

GemmWork work_of(const ConvProblem& p, const ConvResidentTile& t) {
  GemmWork w;
  w.blocks = t.blocks(p);
  w.threads = t.threads();
  w.bm = t.bm;
  w.bn = t.bn;
  w.warp_rows = t.bm / t.warps_m;
  w.warp_columns = t.bn / t.warps_n;
  w.depth = p.taps() * t.channel_blocks(p) * 32;  // blocks of 64 bytes
  w.slices = t.slices;
  w.cluster = t.cluster;
  w.activation_bytes = t.window_bytes(p);
  w.weight_bytes = t.weight_bytes(p);
  w.shared_bytes = t.shared_bytes(p);
  return w;
}

}  // namespace

int64_t ConvResidentTile::blocks(const ConvProblem& p) const {
  const int64_t tiles_m = is_flat(p)
                              ? ceil_div(p.pixels(), rows * columns)
                              : p.batch * ceil_div(p.out_h, rows) * ceil_div(p.out_w, columns);
  return tiles_m * ceil_div(p.out_channels, bn) * p.groups * cluster;
}

int64_t ConvResidentTile::channel_blocks(const ConvProblem& p) const {
  return ceil_div(ceil_div(p.in_channels, block_of(p)), cluster);
}

int64_t ConvResidentTile::weight_bytes(const ConvProblem& p) const {
  return p.taps() * channel_blocks(p) * bn * 64;
}

int64_t ConvResidentTile::window_bytes(const ConvProblem& p) const {
  const int64_t h =
      is_flat(p) ? rows : (rows - 1) * p.stride_h + (p.kernel_h - 1) * p.dilation_h + 1;
  const int64_t w =
      is_flat(p) ? columns : (columns - 1) * p.stride_w + (p.kernel_w - 1) * p.dilation_w + 1;
  return h * w * (channel_blocks(p) * 64 + 16);
}

int64_t ConvResidentTile::shared_bytes(const ConvProblem& p) const {
  return weight_bytes(p) + round_up(window_bytes(p), 128) + bias_bytes(p, bn) +
         sum_bytes(bm * bn, slices, cluster, 1);
}

std::string ConvResidentTile::id() const {
  const auto n = [](int64_t v) { return std::to_string(v); };
  std::string text = "conv_resident " + n(rows) + "x" + n(columns) + "x" + n(bn) + " m" + n(bm) +
                     " w" + n(warps_m) + "x" + n(warps_n) + "x" + n(slices);
  if (cluster > 1) text += " c" + n(cluster);
  return text;
}

std::optional<ConvResidentTile> ConvResidentTile::parse(const std::string& id) {
  ConvResidentTile t;
  long long v[8];
  const int found =
      std::sscanf(id.c_str(), "conv_resident %lldx%lldx%lld m%lld w%lldx%lldx%lld c%lld", &v[0],
                  &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]);
  if (found < 7) return std::nullopt;
  t.rows = v[0];
  t.columns = v[1];
  t.bn = v[2];
  t.bm = v[3];
  t.warps_m = v[4];
  t.warps_n = v[5];
  t.slices = v[6];
  if (found == 8) t.cluster = v[7];
  const auto within = [](int64_t value, int64_t most) { return value >= 1 && value <= most; };
  if (!within(t.rows, 256) || !within(t.columns, 256) || !within(t.bn, 256) || !within(t.bm, 256) ||
      !within(t.warps_m, 8) || !within(t.warps_n, 8) || !within(t.slices, 16) ||
      !within(t.cluster, 8) || t.id() != id)
    return std::nullopt;
  return t;
}

bool ConvResidentTile::is_legal(const ConvProblem& p, const GpuTraits& gpu) const {
  if (!suits(p)) return false;
  // 16-byte copies of what is multiplied; a block of k lies in one tap.
  if (gpu.source_sm < 80 || p.x.packet * p.factor_bytes() != 16 ||
      (!p.integers && p.x.dtype != DType::kF16))
    return false;
  if (!is_flat(p) && p.in_channels % block_of(p) != 0) return false;
  if (cluster != 1 && cluster != 2 && cluster != 4 && cluster != 8) return false;
  if (is_flat(p) && rows != 1) return false;
  if (rows * columns > bm || bm % (warps_m * 16) != 0 || bn % (warps_n * 8) != 0) return false;
  if (threads() > 1024 || bm / warps_m * (bn / warps_n) > 64 * 64) return false;
  if ((cluster - 1) * channel_blocks(p) >= ceil_div(p.in_channels, block_of(p))) return false;
  if (slices > p.taps() * channel_blocks(p)) return false;
  // Registers: accumulators and the addresses of this thread's copies.
  const int64_t copies = ceil_div(window_bytes(p) / 16, threads());
  const int64_t registers = 48 + bm * bn / (warps_m * warps_n * 32) * 3 / 2 + copies;
  if (copies > 24 || registers > 250 || registers * threads() > 65536) return false;
  return shared_bytes(p) <= gpu.smem_per_block && blocks(p) <= 2147483647 &&
         cluster_fits(work_of(p, *this), gpu);
}

double ConvResidentTile::predicted_us(const ConvProblem& p, const GpuTraits& gpu) const {
  return gemm_us(p, work_of(p, *this), gpu);
}

std::vector<Ranked<ConvResidentTile>> ConvResidentTile::ranked(const ConvProblem& p,
                                                               const GpuTraits& gpu, size_t limit) {
  std::vector<Ranked<ConvResidentTile>> tiles;
  constexpr std::pair<int64_t, int64_t> kWarps[] = {{1, 1}, {1, 2}, {2, 1}, {2, 2},
                                                    {1, 4}, {4, 1}, {4, 2}, {2, 4}};
  for (const Extent& e : extents(p))
    for (const int64_t bn : {8, 16, 32, 64, 128})
      for (const auto& [warps_m, warps_n] : kWarps)
        for (const int64_t slices : {1, 2, 4, 8, 16})
          for (const int64_t cluster : {1, 2, 4, 8}) {
            const ConvResidentTile t = {e.rows,  e.columns, e.bm,   bn,
                                        warps_m, warps_n,   slices, cluster};
            if (t.threads() < 128 || t.threads() > 512) continue;
            if (bn > 8 && bn >= 2 * p.out_channels) continue;
            if (t.is_legal(p, gpu)) tiles.push_back({t, t.predicted_us(p, gpu)});
          }
  keep_cheapest(tiles, limit);
  return tiles;
}

}  // namespace stint::builder
