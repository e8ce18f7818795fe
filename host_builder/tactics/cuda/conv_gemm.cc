// Convolutions and products with constant matrices on tensor cores: kernels/cuda/conv_gemm.cuh.
#include "host_builder/graph/error.h"
#include "host_builder/tactics/cuda/conv_gemm_tile.h"
#include "host_builder/tactics/cuda/conv_problem.h"
#include "host_builder/tactics/cuda/families.h"
#include "plan_schema/half.h"

namespace stint::builder {
namespace {

constexpr size_t kMostTactics = 24;

bool suits(const ConvProblem& p, const GpuTraits& gpu) {
  // Products are f16: a node whose input and output are both f32 asked for more.
  if (p.x.dtype != DType::kF16 && p.y.dtype != DType::kF16) return false;
  // ldmatrix and m16n8k8; 63 taps are what one mask holds; fewer channels a group waste the tile.
  return gpu.source_sm >= 75 && p.taps() < 64 && (p.groups == 1 || p.in_channels >= 4);
}

std::vector<CudaTactic> tactics(const Graph& graph, const Node& node, const Target& target) {
  std::vector<CudaTactic> result;
  const auto p = conv_problem(graph, node);
  if (!p || !suits(*p, target.gpu)) return result;
  for (const RankedTile& r : rank_tiles(*p, target.gpu, kMostTactics))
    result.push_back({r.tile.id(), r.us});
  return result;
}

/// Blocks of 32 k x 8 columns, each as the 16 bytes of every lane that are its B fragments of two
/// mma.m16n8k16: [group][k / 32][column / 8][lane][k16, half, pair]. Columns are dealt out so that
/// the accumulators a lane has of `deal` columns are adjacent channels.
ValueId pack_weights(Graph& graph, const ConvProblem& p, int64_t deal) {
  const int64_t blocks_k = (p.depth() + 31) / 32;
  const int64_t blocks_n = (p.out_channels + deal - 1) / deal * (deal / 8);
  const int64_t run = deal / 4;
  const auto weight = weight_reader(graph, p);
  std::vector<uint16_t> packed(static_cast<size_t>(p.groups * blocks_k * blocks_n * 256), 0);
  size_t at = 0;
  for (int64_t g = 0; g < p.groups; ++g)
    for (int64_t bk = 0; bk < blocks_k; ++bk)
      for (int64_t bn = 0; bn < blocks_n; ++bn)
        for (int64_t lane = 0; lane < 32; ++lane)
          for (int64_t i = 0; i < 8; ++i, ++at) {
            const int64_t column =
                bn / (deal / 8) * deal + lane / 8 * run + bn % (deal / 8) * 2 + lane / 4 % 2;
            const int64_t k = bk * 32 + i / 4 * 16 + i / 2 % 2 * 8 + lane % 4 * 2 + i % 2;
            if (column < p.out_channels && k < p.depth())
              packed[at] = to_f16(weight(g, column, k)).bits;
          }
  return graph.add_constant(graph.unique_name(graph.value(p.weights).name + ".gemm"), DType::kF16,
                            {p.groups, blocks_k, blocks_n, 256}, packed);
}

StepSpec lower(Graph& graph, const Node& node, const Target& target, const CudaTactic& tactic) {
  const auto p = conv_problem(graph, node);
  const auto tile = ConvGemmTile::parse(tactic.id);
  if (!p || !tile || !suits(*p, target.gpu) || tile->shared_bytes() > target.gpu.smem_per_block)
    throw BuildError("node '" + node.name + "': tactic '" + tactic.id + "' does not fit it on " +
                     target.name + "; delete it from the tactic file");
  const ConvGemmTile& t = *tile;
  const int64_t deal = t.column_group();
  const ValueId packed = pack_weights(graph, *p, deal);
  StepSpec step = conv_step(graph, node, *p, packed);
  const bool has_workspace = t.split > 1;
  if (has_workspace) {
    step.workspace_bytes =
        static_cast<uint64_t>(t.tiles(*p) * t.split * t.slices * t.bm * t.bn * 4);
    step.state_bytes = static_cast<uint64_t>(t.tiles(*p) * 4);
  }
  const auto list = [](std::initializer_list<int64_t> values) {
    std::string text;
    for (const int64_t v : values) text += (text.empty() ? "" : ", ") + std::to_string(v);
    return text;
  };
  GpuLaunch& launch = *step.launch;
  const Shape& blocks = graph.value(packed).shape;
  launch.source =
      "#include \"conv_gemm.cuh\"\n\nstruct Layer {\n" + layer_source(*p) +
      "  static constexpr int kBlocksK = " + std::to_string(blocks[1]) +
      ", kBlocksN = " + std::to_string(blocks[2]) + ";\n};\ntypedef GemmTile<" +
      list({t.bm, t.bn, t.bk, t.stages, t.warps_m, t.warps_n, t.slices, t.cluster, t.split}) +
      "> Tile;\n" + args_source(*p, "uint4", has_workspace) + "\nextern \"C\" __global__ void " +
      (t.cluster > 1 ? "__cluster_dims__(" + list({t.cluster}) + ", 1, 1) " : "") +
      "__launch_bounds__(" + list({t.threads()}) +
      ")\nconv_gemm(const __grid_constant__ Args args) {\n  ConvGemm<Layer, Tile>::run(" +
      call_source(*p, has_workspace) + ");\n}\n";
  launch.symbol = "conv_gemm";
  launch.grid[0] = static_cast<uint32_t>(t.tiles(*p) * t.parts());
  launch.block[0] = static_cast<uint32_t>(t.threads());
  launch.dynamic_smem = t.shared_bytes();
  return step;
}

}  // namespace

const CudaFamily kConvGemmFamily = {"conv-gemm", tactics, lower};

}  // namespace stint::builder
