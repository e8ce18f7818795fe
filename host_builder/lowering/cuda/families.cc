#include "host_builder/lowering/cuda/families.h"

namespace stint::builder {

const std::vector<const Family*>& cuda_families() {
  static const std::vector<const Family*> families = {
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
      &kPoolFamily,
      &kBatchGemmFamily,
      &kRowsFamily,
      // clang-format on
  };
  return families;
}

}  // namespace stint::builder
