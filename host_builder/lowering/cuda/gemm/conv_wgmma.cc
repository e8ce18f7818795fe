// Large convolutions by warpgroups (wgmma), on sm_90: kernels/cuda/conv_wgmma.cuh.
#include <tuple>

#include "host_builder/lowering/cuda/gemm/conv_family.h"
#include "host_builder/lowering/cuda/gemm/conv_wgmma_tile.h"
#include "host_builder/lowering/cuda/gemm/gemm_weights.h"
#include "host_builder/lowering/cuda/gemm/warpgroup_tile.h"

namespace stint::builder {
namespace {

constexpr size_t kMostTactics = 5;

struct ConvWgmma {
  typedef ConvWgmmaTile Tile;

  static std::vector<Ranked<Tile>> offered(const ConvProblem& p, const GpuTraits& gpu) {
    if (!is_large(p) || p.depth() < 64) return {};
    return varied(Tile::ranked(p, gpu, SIZE_MAX), kMostTactics, 2,
                  [](const Tile& t) { return std::tuple(t.bm, t.bn, t.cluster); });
  }
  static PackedWeights pack(Graph& graph, const ConvProblem& p, const Tile&) {
    return pack_warpgroup_weights(graph, p, column_interleave(p));
  }
  static ConvKernel kernel(const ConvProblem& p, const Tile& t, const GpuTraits&) {
    ConvKernel kernel;
    kernel.header = "conv_wgmma.cuh";
    kernel.name = "ConvWgmma";
    kernel.tile = "WarpgroupTile<" +
                  list_text({t.bm, t.bn, t.stages, t.cluster, column_interleave(p)}) +
                  products_argument(p) + ">";
    kernel.shape = {{t.tiles(p) * t.cluster, 1, 1}, t.threads(), t.cluster, t.shared_bytes(p)};
    return kernel;
  }
};

}  // namespace

const Family kConvWgmmaFamily = conv_family<ConvWgmma>("conv-wgmma");

}  // namespace stint::builder
