// The arithmetic of every EltOp on a block of numbers of one compute type (float, double, int64_t,
// uint64_t).
#pragma once

#include <cstdint>

#include "plan_schema/params/elementwise.h"

namespace stint::cpu {

/// y[i] = op(a[i], b[i], c[i]). Comparisons give 0 or 1. Operations without a meaning for C leave y
/// unspecified: elt_defined() says which. y may be a, b or c.
template <typename C>
void apply_elementwise(const ElementwiseParams& p, const C* a, const C* b, const C* c, int64_t n,
                       C* y);

}  // namespace stint::cpu
