// Large convolutions by warpgroups (wgmma), on sm_90: kernels/cuda/conv_wgmma.cuh.
#include <map>
#include <tuple>

#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_wgmma_tile.h"
#include "host_builder/lowering/cuda/gemm/gemm_weights.h"
#include "host_builder/lowering/cuda/gemm/warpgroup_tile.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

constexpr size_t kMostTactics = 5;

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  const auto p = conv_problem(graph, node);
  if (!p || !is_large(*p) || p->depth() < 64) return result;
  std::map<std::tuple<int64_t, int64_t, int64_t>, int> seen;
  for (const auto& [tile, us] : rank_wgmma_tiles(*p, target.gpu, SIZE_MAX)) {
    // Of a tile that differs in its stages alone the best two: predictions are close.
    if (++seen[{tile.bm, tile.bn, tile.cluster}] > 2) continue;
    result.push_back({tile.id(), us});
    if (result.size() == kMostTactics) break;
  }
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target& target, const Tactic& tactic) {
  const auto p = conv_problem(graph, node);
  const auto tile = ConvWgmmaTile::parse(tactic.id);
  if (!p || !tile || !tile->is_legal(*p, target.gpu))
    throw BuildError("node '" + node.name + "': tactic '" + tactic.id + "' does not fit it on " +
                     target.name + "; delete it from the tactic file");
  const ConvWgmmaTile& t = *tile;
  const ValueId packed = pack_warpgroup_weights(graph, *p, column_interleave(*p));
  StepSpec step = conv_step(graph, node, *p, packed);
  GemmLaunch launch;
  launch.header = "conv_wgmma.cuh";
  launch.kernel = "ConvWgmma";
  launch.tile =
      "WarpgroupTile<" + list_text({t.bm, t.bn, t.stages, t.cluster, column_interleave(*p)}) + ">";
  launch.blocks = t.tiles(*p) * t.cluster;
  launch.threads = t.threads();
  launch.cluster = t.cluster;
  launch.shared_bytes = t.shared_bytes();
  set_gemm_launch(step, graph, *p, packed, launch);
  return step;
}

}  // namespace

const Family kConvWgmmaFamily = {"conv-wgmma", tactics, lower};

}  // namespace stint::builder
