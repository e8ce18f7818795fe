// Whether two views of one memory can touch the same byte. Kernels may assume that an output and an
// input are either apart or the very same region, so that no kernel has to fear a half-overwritten
// operand.
#pragma once

#include "core/plan/tensor_extent.h"

namespace stint {

/// No byte belongs to both; says false when it cannot tell (strided_bytes.h). Both were measured.
bool are_disjoint(const fb::Tensor& a, const fb::Tensor& b);

/// Both cover the same bytes, in the same order if the types have one size: computing in place.
bool are_same_region(const fb::Tensor& a, const fb::Tensor& b);

}  // namespace stint
