// The CUDA kernel families. Each is defined in the file of this folder that is named after it.
#pragma once

#include "host_builder/lowering/cuda/family.h"

namespace stint::builder {

// One a line, with its files' commit.
extern const CudaFamily kConvGemmFamily;
extern const CudaFamily kConvWgmmaFamily;
extern const CudaFamily kConvWindowFamily;
extern const CudaFamily kConvFmaFamily;
extern const CudaFamily kConvResidentFamily;
extern const CudaFamily kGenericFamily;  // generic.cc: every node that the CPU target supports
extern const CudaFamily kDepthwiseFamily;
extern const CudaFamily kFirstLayerFamily;
extern const CudaFamily kGemvFamily;
extern const CudaFamily kPlaneMeanFamily;
extern const CudaFamily kPlanePoolFamily;
extern const CudaFamily kPoolCudaFamily;
extern const CudaFamily kBatchGemmFamily;
extern const CudaFamily kRowsFamily;

}  // namespace stint::builder
