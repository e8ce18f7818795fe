#include "host_builder/lowering/cpu/families.h"

namespace stint::builder {

const std::vector<const Family*>& cpu_families() {
  static const std::vector<const Family*> families = {
      &kConvPackedFamily, &kConvDepthwiseFamily, &kConvDirectFamily, &kConvTransposeDirectFamily,
      &kMatMulPackedFamily, &kMatMulFamily, &kPoolDirectFamily,
      // One a line; the cheapest that can implement a node is taken.
      // clang-format off
      &kResizeFamily,
      &kNmsFamily,
      &kPreprocessFamily,
      &kDecodeFamily,
      &kTopClassesFamily,
      &kArgmaxMaskFamily,
      &kDetectionDetailFamily,
      &kReshapeCopyFamily,
      &kConcatFamily,
      &kTransposeFamily,
      &kSliceFamily,
      &kExpandFamily,
      &kTileFamily,
      &kDepthSpaceFamily,
      &kElementwiseFamily,
      &kCastFamily,
      &kGatherFamily,
      &kReduceFamily,
      &kPointwiseFamily,
      &kBatchNormFamily,
      &kSoftmaxFamily,
      &kInstanceNormFamily,
      &kLayerNormFamily,
      &kLrnFamily,
      &kArgReduceFamily,
      &kTopKFamily,
      &kPadFamily,
      &kQuantizedConvFamily,
      &kQuantizedConvDepthwiseFamily,
      &kQuantizedMatMulFamily,
      &kQuantizedPoolFamily,
      &kQuantizedPointwiseFamily,
      &kRequantizeFamily,
      // clang-format on
  };
  return families;
}

}  // namespace stint::builder
