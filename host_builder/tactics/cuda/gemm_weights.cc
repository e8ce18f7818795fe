#include "host_builder/tactics/cuda/gemm_weights.h"

#include "plan_schema/half.h"

namespace stint::builder {

ValueId pack_gemm_weights(Graph& graph, const ConvProblem& p, int64_t deal) {
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

std::string list_text(std::initializer_list<int64_t> values) {
  std::string text;
  for (const int64_t v : values) {
    if (!text.empty()) text += ", ";
    text += std::to_string(v);
  }
  return text;
}

void set_gemm_launch(StepSpec& step, const Graph& graph, const ConvProblem& p, ValueId packed,
                     const GemmLaunch& what) {
  const Shape& blocks = graph.value(packed).shape;
  GpuLaunch& launch = *step.launch;
  std::string& s = launch.source;
  s = "#include \"" + what.header + "\"\n\nstruct Layer {\n" + layer_source(p);
  s += "  static constexpr int kBlocksK = " + std::to_string(blocks[1]) +
       ", kBlocksN = " + std::to_string(blocks[2]) + ";\n};\n";
  s += "typedef " + what.tile + " Tile;\n" + args_source(p, "uint4", what.has_workspace);
  s += "\nextern \"C\" __global__ void ";
  if (what.cluster > 1) s += "__cluster_dims__(" + std::to_string(what.cluster) + ", 1, 1) ";
  s += "__launch_bounds__(" + std::to_string(what.threads) + ")\n";
  s += "conv(const __grid_constant__ Args args) {\n  " + what.kernel + "<Layer, Tile>::run(" +
       call_source(p, what.has_workspace) + ");\n}\n";
  launch.symbol = "conv";
  launch.grid[0] = static_cast<uint32_t>(what.blocks);
  launch.block[0] = static_cast<uint32_t>(what.threads);
  launch.dynamic_smem = what.shared_bytes;
}

}  // namespace stint::builder
