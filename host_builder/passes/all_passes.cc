#include "host_builder/passes/passes.h"

namespace stint::builder {

const std::vector<Pass>& all_passes() {
  // clang-format off
  static const std::vector<Pass> passes = {
      kDeadCodePass,
      kFp16ToF32Pass,
      kSimplifyPass,
      kFoldConstantsPass,
      kCommonCodePass,
      kRecognizePatternsPass,
      kRecognizeNormsPass,
      kFoldPadsPass,
      kFoldScalesPass,
      kExpandBatchNormPass,
      kFoldSpaceToDepthPass,
      kFuseVerticalPass,
      kFuseHorizontalPass,
      kLayoutPass,
      kFoldConstantsPass,  // spatial nodes can be computed now
      kFusePointwisePass,
      kDeadCodePass,
      kAliasPass,
  };
  // clang-format on
  return passes;
}

}  // namespace stint::builder
