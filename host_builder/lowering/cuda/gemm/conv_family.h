// What the families of products have in common: a tile type says which ways there are and what they
// cost, `Kernel` how weights are packed and which kernel runs with a tile.
#pragma once

#include <map>
#include "host_builder/lowering/cuda/families.h"
#include "host_builder/lowering/cuda/gemm/conv_source.h"
#include "host_builder/lowering/cuda/gemm/gemm_cost.h"
#include "host_builder/lowering/cuda/gemm/gemm_weights.h"
#include "host_builder/support/error.h"

namespace stint::builder {

/// `Kernel` has
///   typedef ... Tile;  // with id(), parse(id) and is_legal(problem, gpu)
///   static std::vector<Ranked<Tile>> offered(problem, gpu);  // best first
///   static PackedWeights pack(graph, problem, tile);
///   static ConvKernel kernel(problem, tile, gpu);
template <typename Kernel>
constexpr Family conv_family(const char* name) {
  return {name,
          [](const Graph& graph, const Node& node, const Target& target) {
            std::vector<Tactic> result;
            const auto p = conv_problem(graph, node);
            if (!p) return result;
            for (const auto& [tile, us] : Kernel::offered(*p, target.gpu))
              result.push_back({tile.id(), us});
            return result;
          },
          [](Graph& graph, const Node& node, const Target& target, const Tactic& tactic) {
            const auto p = conv_problem(graph, node);
            const auto tile = Kernel::Tile::parse(tactic.id);
            if (!p || !tile || !tile->is_legal(*p, target.gpu))
              throw BuildError("node '" + node.name + "': tactic '" + tactic.id +
                               "' does not fit it on " + target.name +
                               "; delete it from the tactic file");
            const PackedWeights weights = Kernel::pack(graph, *p, *tile);
            const ConvKernel kernel = Kernel::kernel(*p, *tile, target.gpu);
            StepSpec step = conv_step(graph, node, *p, weights.value,
                                      weights.are_integers() ? weights.factors : p->bias);
            step.workspace_bytes = kernel.workspace_bytes;
            step.state_bytes = kernel.state_bytes;
            step.launch = conv_launch(*p, weights, kernel);
            return step;
          }};
}

/// The last argument of a tile's type: what the kernel multiplies (kernels/cuda/products.cuh).
inline std::string products_argument(const ConvProblem& p) {
  if (!p.integers) return "";
  return p.x.dtype == DType::kU8 ? ", ByteProducts<true>" : ", ByteProducts<false>";
}

/// The half of a `Kernel` that those with the fragments of mma.sync share.
template <typename GemmTile>
struct FragmentKernel {
  typedef GemmTile Tile;

  static std::vector<Ranked<Tile>> offered(const ConvProblem& p, const GpuTraits& gpu) {
    constexpr size_t kMostTactics = 24;
    return Tile::ranked(p, gpu, kMostTactics);
  }
  static PackedWeights pack(Graph& graph, const ConvProblem& p, const Tile& t) {
    return pack_gemm_weights(graph, p, column_interleave(p, t.bn / t.warps_n));
  }
};

/// The best `most`, of those that `key` says to be alike at most `alike`: of tiles that differ in
/// their stages alone, predictions are close.
template <typename Tile, typename Key>
std::vector<Ranked<Tile>> varied(const std::vector<Ranked<Tile>>& tiles, size_t most, int alike,
                                 Key key) {
  std::map<decltype(key(tiles[0].tile)), int> seen;
  std::vector<Ranked<Tile>> result;
  for (const Ranked<Tile>& ranked : tiles) {
    if (result.size() == most) break;
    if (++seen[key(ranked.tile)] <= alike) result.push_back(ranked);
  }
  return result;
}

}  // namespace stint::builder
