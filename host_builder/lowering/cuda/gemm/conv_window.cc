// Large convolutions from a window of pixels, on sm_90: kernels/cuda/conv_window.cuh.
#include <algorithm>
#include <map>
#include <tuple>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_window_tile.h"
#include "host_builder/lowering/cuda/gemm/gemm_weights.h"
#include "host_builder/lowering/cuda/gemm/warpgroup_tile.h"
#include "host_builder/support/error.h"

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

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  const auto p = conv_problem(graph, node);
  if (!p || !is_large(*p)) return result;
  std::map<std::tuple<int64_t, int64_t, int64_t, bool>, int> seen;
  for (const auto& [tile, us] : rank_window_tiles(*p, target.gpu, SIZE_MAX)) {
    if (!gains(*p, tile, target.gpu)) continue;
    // Of a tile that differs in its stages alone the best one: predictions are close.
    if (++seen[{tile.bm, tile.bn, tile.cluster, tile.stages == 0}] > 1) continue;
    result.push_back({tile.id(), us});
    if (result.size() == kMostTactics) break;
  }
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target& target, const Tactic& tactic) {
  const auto p = conv_problem(graph, node);
  const auto tile = ConvWindowTile::parse(tactic.id);
  if (!p || !tile || !tile->is_legal(*p, target.gpu))
    throw BuildError("node '" + node.name + "': tactic '" + tactic.id + "' does not fit it on " +
                     target.name + "; delete it from the tactic file");
  const ConvWindowTile& t = *tile;
  const ValueId packed = pack_warpgroup_weights(graph, *p, column_interleave(*p));
  StepSpec step = conv_step(graph, node, *p, packed);
  GemmLaunch launch;
  launch.header = "conv_window.cuh";
  launch.kernel = "ConvWindow";
  launch.tile = "WindowTile<" +
                list_text({t.bm, t.bn, t.stages, t.windows, t.cluster, column_interleave(*p)}) +
                ">";
  launch.blocks = t.blocks(*p, target.gpu);
  launch.threads = t.threads();
  launch.cluster = t.cluster;
  launch.shared_bytes = static_cast<uint32_t>(t.shared_bytes(*p));
  set_gemm_launch(step, graph, *p, packed, launch);
  return step;
}

}  // namespace

const Family kConvWindowFamily = {"conv-window", tactics, lower};

}  // namespace stint::builder
