// Convolutions on tensor cores for few pixels: kernels/cuda/conv_resident.cuh.
#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_resident_tile.h"
#include "host_builder/lowering/cuda/gemm/gemm_weights.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

constexpr size_t kMostTactics = 24;
constexpr int64_t kMostTaps = 49;

bool suits(const ConvProblem& p) {
  return p.taps() <= kMostTaps && (p.groups == 1 || p.in_channels % 8 == 0);
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  const auto p = conv_problem(graph, node);
  if (!p || !suits(*p)) return result;
  for (const auto& [tile, us] : rank_resident_tiles(*p, target.gpu, kMostTactics))
    result.push_back({tile.id(), us});
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target& target, const Tactic& tactic) {
  const auto p = conv_problem(graph, node);
  const auto tile = ConvResidentTile::parse(tactic.id);
  if (!p || !tile || !suits(*p) || !tile->is_legal(*p, target.gpu))
    throw BuildError("node '" + node.name + "': tactic '" + tactic.id + "' does not fit it on " +
                     target.name + "; delete it from the tactic file");
  const ConvResidentTile& t = *tile;
  const ValueId packed = pack_gemm_weights(graph, *p, column_interleave(*p, t.bn / t.warps_n));
  StepSpec step = conv_step(graph, node, *p, packed);
  GemmLaunch launch;
  launch.header = "conv_resident.cuh";
  launch.kernel = "ConvResident";
  launch.tile = "ResidentTile<" +
                list_text({t.rows, t.columns, t.bm, t.bn, t.warps_m, t.warps_n, t.slices, t.cluster,
                           column_interleave(*p)}) +
                ">";
  launch.blocks = t.blocks(*p);
  launch.threads = t.threads();
  launch.cluster = t.cluster;
  launch.shared_bytes = static_cast<uint32_t>(t.shared_bytes(*p));
  set_gemm_launch(step, graph, *p, packed, launch);
  return step;
}

}  // namespace

const Family kConvResidentFamily = {"conv-resident", tactics, lower};

}  // namespace stint::builder
