#include "host_builder/lowering/cuda/families.h"

namespace stint::builder {

const std::vector<const CudaFamily*>& cuda_families() {
  static const std::vector<const CudaFamily*> families = {
      // clang-format off
      // One a line; for equal predictions the earlier one is taken.
      &kConvResidentFamily,
      &kConvGemmFamily,
      &kConvWgmmaFamily,
      &kConvWindowFamily,
      &kConvFmaFamily,
      &kGenericFamily,
      &kDepthwiseFamily,
      &kFirstLayerFamily,
      &kGemvFamily,
      &kPlaneMeanFamily,
      &kPlanePoolFamily,
      &kPoolCudaFamily,
      &kBatchGemmFamily,
      &kRowsFamily,
      // clang-format on
  };
  return families;
}

}  // namespace stint::builder
