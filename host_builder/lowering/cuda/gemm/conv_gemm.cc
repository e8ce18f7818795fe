// Convolutions and products with constant matrices on tensor cores: kernels/cuda/conv_gemm.cuh.
#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_gemm_tile.h"
#include "host_builder/lowering/cuda/gemm/conv_problem.h"
#include "host_builder/lowering/cuda/gemm/gemm_weights.h"
#include "host_builder/support/error.h"

namespace stint::builder {
namespace {

constexpr size_t kMostTactics = 24;

bool suits(const ConvProblem& p, const GpuTraits& gpu) {
  // Products are f16: a node whose input and output are both f32 asked for more.
  if (p.x.dtype != DType::kF16 && p.y.dtype != DType::kF16) return false;
  // ldmatrix and m16n8k8; 63 taps are what one mask holds; fewer channels a group waste the tile.
  return gpu.source_sm >= 75 && p.taps() < 64 && (p.groups == 1 || p.in_channels >= 4);
}

std::vector<Tactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<Tactic> result;
  const auto p = conv_problem(graph, node);
  if (!p || !suits(*p, target.gpu)) return result;
  for (const auto& [tile, us] : rank_tiles(*p, target.gpu, kMostTactics))
    result.push_back({tile.id(), us});
  return result;
}

StepSpec lower(Graph& graph, const Node& node, const Target& target, const Tactic& tactic) {
  const auto p = conv_problem(graph, node);
  const auto tile = ConvGemmTile::parse(tactic.id);
  if (!p || !tile || !suits(*p, target.gpu) || !tile->is_legal(*p, target.gpu))
    throw BuildError("node '" + node.name + "': tactic '" + tactic.id + "' does not fit it on " +
                     target.name + "; delete it from the tactic file");
  const ConvGemmTile& t = *tile;
  const ValueId packed = pack_gemm_weights(graph, *p, column_interleave(*p, t.bn / t.warps_n));
  StepSpec step = conv_step(graph, node, *p, packed);
  GemmLaunch launch;
  launch.header = "conv_gemm.cuh";
  launch.kernel = "ConvGemm";
  launch.tile = "GemmTile<" +
                list_text({t.bm, t.bn, t.bk, t.stages, t.warps_m, t.warps_n, t.slices, t.cluster,
                           t.split, column_interleave(*p)}) +
                ">";
  launch.blocks = t.tiles(*p) * t.parts();
  launch.threads = t.threads();
  launch.cluster = t.cluster;
  launch.shared_bytes = t.shared_bytes();
  if (t.split > 1) {
    launch.has_workspace = true;
    step.workspace_bytes = static_cast<uint64_t>(t.tiles(*p) * t.split * t.bm * t.bn * 4);
    step.state_bytes = static_cast<uint64_t>(t.tiles(*p) * 4);
  }
  set_gemm_launch(step, graph, *p, packed, launch);
  return step;
}

}  // namespace

const Family kConvGemmFamily = {"conv-gemm", tactics, lower};

}  // namespace stint::builder
