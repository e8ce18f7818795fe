// The kernel families of the cpu target. Each is defined in the file of this folder that is named
// after it.
#pragma once

#include "host_builder/lowering/step_spec.h"

namespace stint::builder {

extern const CpuFamily kConvPackedFamily;
extern const CpuFamily kConvDepthwiseFamily;
extern const CpuFamily kConvDirectFamily;
extern const CpuFamily kConvTransposeDirectFamily;
extern const CpuFamily kMatMulPackedFamily;
extern const CpuFamily kMatMulFamily;
extern const CpuFamily kPoolFamily;

extern const CpuFamily kResizeFamily;
extern const CpuFamily kNmsFamily;
extern const CpuFamily kPreprocessFamily;
// decode.cc
extern const CpuFamily kDecodeFamily;
extern const CpuFamily kTopClassesFamily;
extern const CpuFamily kArgmaxMaskFamily;
extern const CpuFamily kDetectionDetailFamily;  // detection_details.cc

// copy.cc
extern const CpuFamily kReshapeCopyFamily;  // Identity, Reshape left over by the passes
extern const CpuFamily kConcatFamily;
extern const CpuFamily kTransposeFamily;
extern const CpuFamily kSliceFamily;
extern const CpuFamily kExpandFamily;
extern const CpuFamily kTileFamily;
extern const CpuFamily kDepthSpaceFamily;  // DepthToSpace, SpaceToDepth

// elementwise.cc
extern const CpuFamily kElementwiseFamily;  // Unary, Binary, Where on any type
extern const CpuFamily kCastFamily;

// pointwise.cc
extern const CpuFamily kPointwiseFamily;  // Pointwise, Unary, Binary on f32
extern const CpuFamily kBatchNormFamily;

// normalization.cc
extern const CpuFamily kSoftmaxFamily;
extern const CpuFamily kInstanceNormFamily;
extern const CpuFamily kLayerNormFamily;
extern const CpuFamily kLrnFamily;

// reduce.cc
extern const CpuFamily kReduceFamily;
extern const CpuFamily kArgReduceFamily;
extern const CpuFamily kTopKFamily;

extern const CpuFamily kGatherFamily;
extern const CpuFamily kPadFamily;

}  // namespace stint::builder
