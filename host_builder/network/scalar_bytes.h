// One number as the bytes of an element of any type, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan_schema/types.h"

namespace stint::builder {

/// Rounds to nearest for f16 and bf16; integer types truncate and saturate.
std::vector<std::byte> scalar_bytes(DType dtype, double value);

/// Element at `p` of a floating or integer type.
double scalar_from_bytes(DType dtype, const std::byte* p);

uint16_t float_to_half(float value);
float half_to_float(uint16_t half);

}  // namespace stint::builder
