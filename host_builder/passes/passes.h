// The passes, each defined in the file of its name, and what they use of each other.
#pragma once

#include "host_builder/passes/pass.h"

namespace stint::builder {

extern const Pass kFp16ToF32Pass;
extern const Pass kDeadCodePass;
extern const Pass kSimplifyPass;
extern const Pass kCommonCodePass;
extern const Pass kRecognizePatternsPass;
extern const Pass kRecognizeNormsPass;
extern const Pass kFoldScalesPass;
extern const Pass kExpandBatchNormPass;
extern const Pass kFoldPadsPass;
extern const Pass kFoldSpaceToDepthPass;
extern const Pass kFuseVerticalPass;
extern const Pass kFuseHorizontalPass;
extern const Pass kLayoutPass;
extern const Pass kFusePointwisePass;
extern const Pass kAliasPass;
extern const Pass kInsertQuantisationPass;
extern const Pass kStoreQuantisedPass;
extern const Pass kAssignPrecisionPass;

// Number of changes each.
size_t remove_dead_code(Graph& graph);
size_t simplify(Graph& graph);
size_t fp16_to_f32(Graph& graph);
size_t alias(Graph& graph);

}  // namespace stint::builder
