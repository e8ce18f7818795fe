// Convolutions on tensor cores for few pixels: kernels/cuda/conv_resident.cuh.
#include "host_builder/lowering/cuda/gemm/conv_family.h"
#include "host_builder/lowering/cuda/gemm/conv_resident_tile.h"

namespace stint::builder {
namespace {

struct ConvResident : FragmentKernel<ConvResidentTile> {
  static ConvKernel kernel(const ConvProblem& p, const Tile& t, const GpuTraits&) {
    ConvKernel kernel;
    kernel.header = "conv_resident.cuh";
    kernel.name = "ConvResident";
    kernel.tile = "ResidentTile<" +
                  list_text({t.rows, t.columns, t.bm, t.bn, t.warps_m, t.warps_n, t.slices,
                             t.cluster, column_interleave(p)}) +
                  products_argument(p) + ">";
    kernel.shape = {{t.blocks(p), 1, 1}, t.threads(), t.cluster, t.shared_bytes(p)};
    return kernel;
  }
};

}  // namespace

const Family kConvResidentFamily = conv_family<ConvResident>("conv-resident");

}  // namespace stint::builder
