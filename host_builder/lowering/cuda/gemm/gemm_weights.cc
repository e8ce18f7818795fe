#include "host_builder/lowering/cuda/gemm/gemm_weights.h"

#include "plan_schema/half.h"

namespace stint::builder {

namespace {

/// The channel in column `column` of the product.
int64_t interleaved_channel(int64_t column, int64_t interleave) {
  return column / interleave * interleave + column % 8 / 2 * (interleave / 4) +
         column % interleave / 8 * 2 + column % 2;
}

/// Blocks of block_k x 8 columns; `place` says which column and k of the block element `i` is.
template <typename Place>
PackedWeights pack_blocks(Graph& graph, const ConvProblem& p, const char* suffix,
                          int64_t interleave, int64_t block_k, Place place) {
  const int64_t blocks_k = (p.depth() + block_k - 1) / block_k;
  const int64_t blocks_n = (p.out_channels + interleave - 1) / interleave * (interleave / 8);
  const auto weight = weight_reader(graph, p);
  std::vector<uint16_t> packed(static_cast<size_t>(p.groups * blocks_k * blocks_n * block_k * 8),
                               0);
  size_t at = 0;
  for (int64_t g = 0; g < p.groups; ++g)
    for (int64_t bk = 0; bk < blocks_k; ++bk)
      for (int64_t bn = 0; bn < blocks_n; ++bn)
        for (int64_t i = 0; i < block_k * 8; ++i, ++at) {
          const auto [column_in_block, k_in_block] = place(i);
          const int64_t channel = interleaved_channel(bn * 8 + column_in_block, interleave);
          const int64_t k = bk * block_k + k_in_block;
          if (channel < p.out_channels && k < p.depth())
            packed[at] = to_f16(weight(g, channel, k)).bits;
        }
  const ValueId value =
      graph.add_constant(graph.unique_name(graph.value(p.weights).name + suffix), DType::kF16,
                         {p.groups, blocks_k, blocks_n, block_k * 8}, packed);
  return {value, "uint4",
          "kBlocksK = " + std::to_string(blocks_k) + ", kBlocksN = " + std::to_string(blocks_n)};
}

}  // namespace

PackedWeights pack_gemm_weights(Graph& graph, const ConvProblem& p, int64_t interleave) {
  return pack_blocks(graph, p, ".gemm", interleave, 32, [](int64_t element) {
    const int64_t lane = element / 8, i = element % 8;
    return std::pair(lane / 4, i / 4 * 16 + i / 2 % 2 * 8 + lane % 4 * 2 + i % 2);
  });
}

PackedWeights pack_warpgroup_weights(Graph& graph, const ConvProblem& p, int64_t interleave) {
  return pack_blocks(graph, p, ".wgmma", interleave, 64, [](int64_t element) {
    const int64_t column = element / 64, chunk = element / 8 % 8;
    return std::pair(column, (chunk ^ column) * 8 + element % 8);
  });
}

}  // namespace stint::builder
