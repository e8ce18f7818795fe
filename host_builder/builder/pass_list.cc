#include "host_builder/builder/pass_list.h"

#include <string_view>

#include "host_builder/evaluate/fold_constants.h"
#include "host_builder/lowering/cuda/passes/upsample_as_addressing.h"
#include "host_builder/lowering/cuda/passes/view_transposes.h"
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
      kInsertQuantisationPass,
      kStoreQuantisedPass,
      kAssignPrecisionPass,
      kFusePointwisePass,
      kDeadCodePass,
      kAliasPass,
      kViewTransposesPass,
      kUpsampleAsAddressingPass,
  };
  // clang-format on
  return passes;
}

std::vector<Pass> passes_before_precision() {
  std::vector<Pass> passes;
  for (const Pass& pass : all_passes()) {
    if (pass.name == std::string_view(kInsertQuantisationPass.name)) break;
    passes.push_back(pass);
  }
  return passes;
}

}  // namespace stint::builder
