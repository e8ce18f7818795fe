#include "host_builder/lowering/cuda/gemm/gemm_weights.h"

#include "plan_schema/half.h"

namespace stint::builder {

namespace {

/// The channel in column `column` of the product.
int64_t interleaved_channel(int64_t column, int64_t interleave) {
  return column / interleave * interleave + column % 8 / 2 * (interleave / 4) +
         column % interleave / 8 * 2 + column % 2;
}

/// Blocks of block_k x 8 columns of elements `weight(group, channel, k)`; `place` says which column
/// and k of the block element `i` is.
template <typename Element, typename Weight, typename Place>
PackedWeights pack_blocks(Graph& graph, const ConvProblem& p, DType dtype, const char* suffix,
                          int64_t interleave, int64_t block_k, Weight weight, Place place) {
  const int64_t blocks_k = (p.depth() + block_k - 1) / block_k;
  const int64_t blocks_n = (p.out_channels + interleave - 1) / interleave * (interleave / 8);
  std::vector<Element> packed(static_cast<size_t>(p.groups * blocks_k * blocks_n * block_k * 8), 0);
  size_t at = 0;
  for (int64_t g = 0; g < p.groups; ++g)
    for (int64_t bk = 0; bk < blocks_k; ++bk)
      for (int64_t bn = 0; bn < blocks_n; ++bn)
        for (int64_t i = 0; i < block_k * 8; ++i, ++at) {
          const auto [column_in_block, k_in_block] = place(i);
          const int64_t channel = interleaved_channel(bn * 8 + column_in_block, interleave);
          const int64_t k = bk * block_k + k_in_block;
          if (channel < p.out_channels && k < p.depth()) packed[at] = weight(g, channel, k);
        }
  const ValueId value =
      graph.add_constant(graph.unique_name(graph.value(p.weights).name + suffix), dtype,
                         {p.groups, blocks_k, blocks_n, block_k * 8}, packed);
  return {value, "uint4",
          "kBlocksK = " + std::to_string(blocks_k) + ", kBlocksN = " + std::to_string(blocks_n)};
}

/// Factors of the tensor cores, block_bytes of k x 8 columns; `place(element, chunk)`: of a block
/// whose 16-byte chunks have `chunk` elements.
template <typename Place>
PackedWeights pack_factors(Graph& graph, const ConvProblem& p, const char* suffix,
                           int64_t interleave, int64_t block_bytes, Place place) {
  const int64_t chunk = 16 / p.factor_bytes();
  const auto placed = [&](int64_t i) { return place(i, chunk); };
  if (!p.integers) {
    const auto weight = [w = weight_reader(graph, p)](int64_t g, int64_t n, int64_t k) {
      return to_f16(w(g, n, k)).bits;
    };
    return pack_blocks<uint16_t>(graph, p, DType::kF16, suffix, interleave, block_bytes / 2, weight,
                                 placed);
  }
  PackedWeights weights = pack_blocks<int8_t>(graph, p, DType::kI8, suffix, interleave, block_bytes,
                                              integer_weight_reader(graph, p), placed);
  weights.factors = add_channel_factors(graph, p);
  return weights;
}

}  // namespace

PackedWeights pack_gemm_weights(Graph& graph, const ConvProblem& p, int64_t interleave) {
  // A lane's chunk: four words of adjacent k, which are 16 bytes apart.
  return pack_factors(graph, p, ".gemm", interleave, 64, [](int64_t element, int64_t chunk) {
    const int64_t lane = element / chunk, i = element % chunk, word = chunk / 4;
    return std::pair(lane / 4, i / word * chunk + lane % 4 * word + i % word);
  });
}

PackedWeights pack_warpgroup_weights(Graph& graph, const ConvProblem& p, int64_t interleave) {
  return pack_factors(graph, p, ".wgmma", interleave, 128, [](int64_t element, int64_t chunk) {
    const int64_t column = element / (chunk * 8);
    return std::pair(column, (element / chunk % 8 ^ column) * chunk + element % chunk);
  });
}

}  // namespace stint::builder
