// The CUDA kernel families. Each is defined in a file below this folder; one that is not does not
// link.
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

// The only list, one a line. For equal predictions the earlier one is taken.
#define STINT_CUDA_FAMILIES(X)                             \
  X(ConvResident)                                          \
  X(ConvGemm)                                              \
  X(ConvWgmma)                                             \
  X(ConvWindow)                                            \
  X(ConvFma)                                               \
  X(Generic) /* every node that the CPU target supports */ \
  X(Depthwise)                                             \
  X(FirstLayer)                                            \
  X(Gemv)                                                  \
  X(PlaneMean)                                             \
  X(PlanePool)                                             \
  X(Pool)                                                  \
  X(BatchGemm)                                             \
  X(Rows)

#define STINT_FAMILY(name) extern const Family k##name##Family;
STINT_CUDA_FAMILIES(STINT_FAMILY)
#undef STINT_FAMILY

const std::vector<const Family*>& cuda_families();

}  // namespace stint::builder
