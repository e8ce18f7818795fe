// The CUDA kernel families. Each is defined in the file of this folder that is named after it.
//
// A family writes a CUDA source for one node, all of its constants baked in, and says how to launch
// it. Activations are NHWC, f32, f16 or 8-bit integers with a scale per value; arithmetic is f32
// (tensor cores: f16 products and f32 accumulation, or 8-bit products and exact sums). Every
// operand may be a strided view (Value::strides, elements): concatenations and slices are
// addressing, not steps. Every thread of every kernel passes STINT_WAIT() (kernels/cuda/stint.cuh)
// before it touches anything but weights.
#pragma once

#include "host_builder/lowering/family.h"

namespace stint::builder {

/// Best first for equal predictions.
const std::vector<const Family*>& cuda_families();

// One a line, with its files' commit.
extern const Family kConvGemmFamily;
extern const Family kConvWgmmaFamily;
extern const Family kConvWindowFamily;
extern const Family kConvFmaFamily;
extern const Family kConvResidentFamily;
extern const Family kGenericFamily;  // generic.cc: every node that the CPU target supports
extern const Family kDepthwiseFamily;
extern const Family kFirstLayerFamily;
extern const Family kGemvFamily;
extern const Family kPlaneMeanFamily;
extern const Family kPlanePoolFamily;
extern const Family kPoolFamily;
extern const Family kBatchGemmFamily;
extern const Family kRowsFamily;

}  // namespace stint::builder
