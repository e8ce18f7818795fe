// Large convolutions from a window of pixels, on sm_90: kernels/cuda/conv_window.cuh.
#include <algorithm>
#include <tuple>

#include "host_builder/lowering/cuda/gemm/conv_family.h"
#include "host_builder/lowering/cuda/gemm/conv_window_tile.h"
#include "host_builder/lowering/cuda/gemm/gemm_weights.h"
#include "host_builder/lowering/cuda/gemm/warpgroup_tile.h"

namespace stint::builder {
namespace {

constexpr size_t kMostTactics = 6;

/// A layer with one tap gains where memory bounds it: residuals and pixels come ahead, and pixels
/// once for all channels.
bool gains(const ConvProblem& p, const ConvWindowTile& t, const GpuTraits& gpu) {
  if (p.taps() > 1) return true;
  const int64_t channels = p.in_channels + p.out_channels * (p.residual.present() ? 2 : 1);
  return t.stages == 0 && t.windows > 1 && t.bn * 2 > std::min<int64_t>(256, p.out_channels) &&
         static_cast<double>(p.pixels() * channels * 2) > 0.6 * static_cast<double>(gpu.l2_bytes);
}

struct ConvWindow {
  typedef ConvWindowTile Tile;

  static std::vector<Ranked<Tile>> offered(const ConvProblem& p, const GpuTraits& gpu) {
    if (!is_large(p)) return {};
    std::vector<Ranked<Tile>> tiles = Tile::ranked(p, gpu, SIZE_MAX);
    std::erase_if(tiles, [&](const Ranked<Tile>& r) { return !gains(p, r.tile, gpu); });
    return varied(tiles, kMostTactics, 1,
                  [](const Tile& t) { return std::tuple(t.bm, t.bn, t.cluster, t.stages == 0); });
  }
  static PackedWeights pack(Graph& graph, const ConvProblem& p, const Tile&) {
    return pack_warpgroup_weights(graph, p, column_interleave(p));
  }
  static ConvKernel kernel(const ConvProblem& p, const Tile& t, const GpuTraits& gpu) {
    ConvKernel kernel;
    kernel.header = "conv_window.cuh";
    kernel.name = "ConvWindow";
    kernel.tile = "WindowTile<" +
                  list_text({t.bm, t.bn, t.stages, t.windows, t.cluster, column_interleave(p)}) +
                  ">";
    kernel.shape = {{t.blocks(p, gpu), 1, 1}, t.threads(), t.cluster, t.shared_bytes(p)};
    return kernel;
  }
};

}  // namespace

const Family kConvWindowFamily = conv_family<ConvWindow>("conv-window");

}  // namespace stint::builder
