// The smallest plan that uses everything a CPU plan has but images: a constant, an arena, two
// steps, an input, an output.
#pragma once

#include "tests/support/plan_spec.h"

namespace stint::test {

inline constexpr int64_t kTinyRows = 4;
inline constexpr int64_t kTinyColumns = 3;

/// y[b, c, r] = x[b, r, c] for r < 4, then y[b, c, 4] = constant[c] = 100 + c. Concatenates x f32
/// [batch, 4, 3] with the constant, then transposes. Variant "cpu", one program per batch.
PlanSpec tiny_plan(const std::vector<uint32_t>& batches = {1});

/// What the output must be for an input.
std::vector<float> tiny_reference(const std::vector<float>& x, uint32_t batch);

}  // namespace stint::test
