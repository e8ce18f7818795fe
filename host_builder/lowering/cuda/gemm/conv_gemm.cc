// Convolutions and products with constant matrices on tensor cores: kernels/cuda/conv_gemm.cuh.
#include "host_builder/lowering/cuda/gemm/conv_family.h"
#include "host_builder/lowering/cuda/gemm/conv_gemm_tile.h"

namespace stint::builder {
namespace {

struct ConvGemm : FragmentKernel<ConvGemmTile> {
  static ConvKernel kernel(const ConvProblem& p, const Tile& t, const GpuTraits&) {
    ConvKernel kernel;
    kernel.header = "conv_gemm.cuh";
    kernel.name = "ConvGemm";
    kernel.tile = "GemmTile<" +
                  list_text({t.bm, t.bn, t.bk, t.stages, t.warps_m, t.warps_n, t.slices, t.cluster,
                             t.split, column_interleave(p)}) +
                  products_argument(p) + ">";
    kernel.shape = {{t.tiles(p) * t.parts(), 1, 1}, t.threads(), t.cluster, t.shared_bytes(p)};
    if (t.split > 1) {
      kernel.workspace_bytes = static_cast<uint64_t>(t.tiles(p) * t.split * t.bm * t.bn * 4);
      kernel.state_bytes = static_cast<uint64_t>(t.tiles(p) * 4);
    }
    return kernel;
  }
};

}  // namespace

const Family kConvGemmFamily = conv_family<ConvGemm>("conv-gemm");

}  // namespace stint::builder
